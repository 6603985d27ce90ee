// Runs a WASI program in Node: cargo's runner for wasm32-wasip1.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const [program, ...rest] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: [program, ...rest], env: process.env, preopens: { '/': '/' } });
const module = await WebAssembly.compile(await readFile(program));
// It returns the program's exit code, which would be lost.
process.exit(wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject())));
