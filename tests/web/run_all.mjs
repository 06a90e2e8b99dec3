// node run_all.mjs FOLDER NAME…: run FOLDER/NAME.onnx on the inputs of FOLDER/NAME_in, into FOLDER/NAME_out. What cannot
// be run is said in JSON: {name: message}.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import { readTensors, writeTensors } from "./tensors.mjs";

const [folder, ...names] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;
const failed = {};
for (const name of names) {
  try {
    const session = await ort.InferenceSession.create(new Uint8Array(await readFile(join(folder, `${name}.onnx`))));
    writeTensors(join(folder, `${name}_out`), await session.run(readTensors(ort, join(folder, `${name}_in`))));
    await session.release();
  } catch (error) {
    failed[name] = String(error.message ?? error);
  }
}
console.log(JSON.stringify(failed));
