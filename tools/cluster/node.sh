#!/bin/sh
# The machine of one cluster: namespaces of its own, joined to those of other clusters by a bridge.
#
#   node.sh run      until it is told to end; then nothing of it is left
#   node.sh clean    removes what a run that was killed left behind; its processes must be gone
#
# The environment tells the rest, see layout.ts. The clean-up is here and not in the program that starts this, because this
# ends after it, however it ends.
set -eu

controllers() { for folder in /sys/fs/cgroup/*/; do [ ! -e "$folder/cgroup.procs" ] || echo "${folder%/}"; done; }

# One at a time touches the bridge: who removes it must not meet who just found it.
network() { flock "$NETWORK_LOCK" "$0" "$@"; }

clean() {
  trap - EXIT
  trap : TERM
  if [ -n "${outer:-}" ]; then
    kill -KILL "$outer" 2>/dev/null || true
    wait "$outer" || true
  fi
  for folder in $(controllers); do
    # The kernel lets go of a killed container's processes a moment after they are gone.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      [ -d "$folder/$CGROUP" ] || break
      find "$folder/$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.2
    done
  done
  network leave
  rm -f "$RECORD"
}

run() {
  # With its start time, so that a later process of the same number is not taken for it.
  echo "$$ $(cut -d ' ' -f 22 "/proc/$$/stat") $FOLDER" >"$RECORD"
  trap clean EXIT
  trap 'exit 0' TERM
  for folder in $(controllers); do
    mkdir -p "$folder/$CGROUP"
    # A new cpuset is empty and takes no process.
    for file in cpuset.cpus cpuset.mems; do
      [ ! -e "$folder/$file" ] || cat "$folder/$file" >"$folder/$CGROUP/$file"
    done
  done
  unshare --mount --uts --ipc --net --pid --fork --kill-child --mount-proc --propagation private "$0" init &
  outer=$!
  inner=
  while [ -z "$inner" ]; do
    kill -0 "$outer"
    inner=$(awk -v parent="$outer" '$4 == parent { print $1 }' /proc/[0-9]*/stat 2>/dev/null || true)
  done
  network join "$inner"
  echo "$inner" >"$FOLDER/node.part"
  mv "$FOLDER/node.part" "$FOLDER/node.pid" # whole, or not there
  wait "$outer"
}

# Process 1 of the machine: it only takes in orphans.
init() {
  mount --make-rshared /
  hostname "$NAME"
  mount -t tmpfs -o mode=755 tmpfs /run
  # What programs write to /var lies in the folder and goes with it.
  mkdir -p "$FOLDER/var" "$FOLDER/var.work" "$FOLDER/containerd" "$FOLDER/kubelet"
  mount -t overlay -o "lowerdir=/var,upperdir=$FOLDER/var,workdir=$FOLDER/var.work" overlay /var
  mkdir -p /var/lib/containerd /var/lib/kubelet
  # An overlay cannot lie on an overlay, and sockets of kubelet's are dialled from outside.
  mount --bind "$FOLDER/containerd" /var/lib/containerd
  mount --bind "$FOLDER/kubelet" /var/lib/kubelet
  sleep infinity &
  while :; do wait; done
}

join() {
  if [ ! -e "/sys/class/net/$BRIDGE" ]; then
    ip link add "$BRIDGE" type bridge
    ip address add "$BRIDGE_ADDRESS/24" dev "$BRIDGE"
    ip link set "$BRIDGE" up
    # A call to a cluster that is gone shall not leave this machine.
    ip route replace blackhole "$RANGE" metric 9999
  fi
  ip link add "$LINK" type veth peer name eth0 netns "$1"
  ip link set "$LINK" master "$BRIDGE" up
  inside() { nsenter --target "$inner" --net "$@"; }
  inner=$1
  inside ip link set lo up
  inside ip address add "$ADDRESS/24" dev eth0
  inside ip link set eth0 up
  # What the machine itself sends to a Service needs some route before it is redirected. There is no way out of here.
  inside ip route add "$SERVICES" dev eth0
  inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# The link to a machine goes with its namespace, a moment after its processes.
leave() {
  ip link delete "$LINK" 2>/dev/null || true
  [ -z "$(ip -o link show master "$BRIDGE" 2>/dev/null)" ] || return 0
  ip link delete "$BRIDGE" 2>/dev/null || true
  ip route delete blackhole "$RANGE" metric 9999 2>/dev/null || true
}

"$@"
