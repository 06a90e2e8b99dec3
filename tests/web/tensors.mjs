// Tensors of onnxruntime-web in files: the numbers in one, and what they are in another. See tensors.py.

import { readFileSync, writeFileSync } from "node:fs";

const ARRAYS = {
  float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array, uint8: Uint8Array,
  int8: Int8Array, uint32: Uint32Array, bool: Uint8Array,
};

export function readTensors(ort, path) {
  const said = JSON.parse(readFileSync(`${path}.json`, "utf8")), content = readFileSync(`${path}.bin`);
  const tensors = {};
  for (const [name, { dtype, dims, text, at }] of Object.entries(said)) {
    const data = text ?? new ARRAYS[dtype](new Uint8Array(content.subarray(...at)).buffer);
    tensors[name] = new ort.Tensor(dtype, data, dims);
  }
  return tensors;
}

export function writeTensors(path, tensors) {
  const said = {}, parts = [];
  let end = 0;
  for (const [name, { type, dims, data }] of Object.entries(tensors)) {
    said[name] = { dtype: type, dims };
    if (type === "string") {
      said[name].text = data;
    } else {
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      said[name].at = [end, (end += bytes.length)];
      parts.push(bytes);
    }
  }
  writeFileSync(`${path}.json`, JSON.stringify(said));
  writeFileSync(`${path}.bin`, Buffer.concat(parts));
}
