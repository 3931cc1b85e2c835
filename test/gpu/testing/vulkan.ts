import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const folders = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/** Why onnxruntime's WebGPU provider has nothing to run on, by the name of the part of Vulkan; undefined when all are there. */
export async function vulkanLacking(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `linux/x64: this is ${process.platform}/${process.arch}, where Vulkan was not tried`;
  }
  const named = (env['VK_DRIVER_FILES'] ?? env['VK_ICD_FILENAMES'] ?? '')
    .split(delimiter)
    .filter((path) => path !== '');
  const drivers = named.length > 0 ? named : folders.map((folder) => join(folder, '*.json'));
  if (globSync(drivers).length === 0) return `a driver for Vulkan (${drivers.join(', ')})`;
  const own = (env['LD_LIBRARY_PATH'] ?? '').split(delimiter).filter((path) => path !== '');
  if (globSync(own.map((folder) => join(folder, 'libvulkan.so.1'))).length > 0) return undefined;
  const { stdout } = await promisify(execFile)('ldconfig', ['-p'], { env: { ...env, PATH: `${env['PATH']}:/sbin` } });
  return stdout.includes('libvulkan.so.1') ? undefined : "Vulkan's loader, libvulkan.so.1 (package libvulkan1)";
}
