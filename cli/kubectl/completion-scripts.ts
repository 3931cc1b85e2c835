/** The function that a shell calls; all of them ask `kubectl-isochrone __complete`, as those of Cobra do. */
export const completionScripts = {
  bash: String.raw`# bash completion of kubectl-isochrone; needs nothing else.
__kubectl_isochrone() {
  local line="\${COMP_LINE:0:COMP_POINT}" words cur directive out before
  # Not COMP_WORDS: bash splits them at colons, which names of models have.
  read -ra words <<<"$line"
  [[ "$line" == *[[:space:]] ]] && words+=('')
  cur="\${words[-1]}"
  out="$(kubectl-isochrone __complete "\${words[@]:1}" 2>/dev/null)" || return
  directive="\${out##*:}"
  out="\${out%:*}"
  COMPREPLY=()
  local candidate
  while IFS=$'\t' read -r candidate _; do
    [[ -n "$candidate" && "$candidate" == "$cur"* ]] && COMPREPLY+=("$candidate")
  done <<<"$out"
  if [[ "$directive" == 0 && \${#COMPREPLY[@]} -eq 0 ]]; then
    compopt -o default 2>/dev/null
    return
  fi
  before="\${cur%"\${cur##*[:=]}"}"
  if [[ -n "$before" && "$COMP_WORDBREAKS" == *[:=]* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"$before"}")
  fi
}
complete -F __kubectl_isochrone kubectl-isochrone
`.replaceAll('\\$', '$'),
  zsh: String.raw`#compdef kubectl-isochrone
# zsh completion of kubectl-isochrone.
_kubectl_isochrone() {
  local -a lines candidates
  local line directive candidate
  lines=("\${(@f)$(kubectl-isochrone __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  directive="\${lines[-1]#:}"
  for line in "\${(@)lines[1,-2]}"; do
    candidate="\${\${line%%$'\t'*}//:/\\:}"
    [[ "$line" == *$'\t'* ]] && candidate+=":\${line#*$'\t'}"
    candidates+=("$candidate")
  done
  if (( \${#candidates} == 0 )) && [[ "$directive" == 0 ]]; then
    _files
    return
  fi
  _describe 'kubectl-isochrone' candidates
}
compdef _kubectl_isochrone kubectl-isochrone
# The first completion of a file that compinit found only loads it.
[[ "\${funcstack[1]}" == _kubectl-isochrone ]] && _kubectl_isochrone
return 0
`.replaceAll('\\$', '$'),
  fish: String.raw`# fish completion of kubectl-isochrone.
function __kubectl_isochrone
    set -l words (commandline -opc) (commandline -ct)
    set -l lines (kubectl-isochrone __complete $words[2..] 2>/dev/null)
    test (count $lines) -gt 1; and printf '%s\n' $lines[1..-2]
    if test "$lines[-1]" = ':0'
        __fish_complete_path (commandline -ct)
    end
end
complete -c kubectl-isochrone -f -a '(__kubectl_isochrone)'
`,
} as const;

/**
 * What kubectl runs to complete the arguments of a plug-in: a program of this name on the PATH.
 * https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
 */
export const kubectlCompleteScript = `#!/bin/sh
exec kubectl-isochrone __complete "$@"
`;
