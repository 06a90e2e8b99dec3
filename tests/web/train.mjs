// node train.mjs FOLDER BATCHES COUNT STATE: the losses of the loop in the documentation, as JSON; its state in files.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import { train } from "../../docs/examples/train_without_nnspec.mjs";
import { readTensors, writeTensors } from "./tensors.mjs";

const [folder, batches, count, state] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;

function* all() {
  for (let i = 0; i < Number(count); i += 1) yield readTensors(ort, join(batches, String(i)));
}

const losses = [];
let last;
for await (const step of train(ort, async (name) => new Uint8Array(await readFile(join(folder, name))), all())) {
  losses.push(step.loss);
  last = step.state;
}
writeTensors(state, last);
console.log(JSON.stringify(losses));
