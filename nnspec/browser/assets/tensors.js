// Files inside of the page, and safetensors outside of it.

// The files that the page holds, by name: base64 of gzip of a header in JSON behind its length, then their bytes.
export async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const places = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  return Object.fromEntries(Object.entries(places).map(([name, [a, b]]) => [name, bytes.subarray(start + a, start + b)]));
}

// The float32 tensors of a safetensors file: {name: {shape, values}}.
export function read(bytes) {
  let start, header;
  try {
    start = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  } catch {
    throw new Error("this is no safetensors file");
  }
  const found = {};
  for (const [name, { dtype, shape, data_offsets: [a, b] }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    if (dtype !== "F32") throw new Error(`${name} is ${dtype}, not F32`);
    found[name] = { shape, values: new Float32Array(bytes.slice(start + a, start + b).buffer) };
  }
  return found;
}

// A safetensors file of tensors as `read` gives them.
export function written(tensors) {
  const header = {}, parts = [];
  let end = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, (end += values.byteLength)] };
    parts.push(values);
  }
  const text = JSON.stringify(header), said = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(said.length), true);
  return new Blob([length, said, ...parts]);
}

// The parameters and statistics in flat vectors, by their paths; `places` is `tensors` of the manifest.
export function named(vectors, places) {
  const found = {};
  for (const [vector, paths] of Object.entries(places)) {
    for (const [path, { offset, shape }] of Object.entries(paths)) {
      found[path] = { shape, values: vectors[vector].slice(offset, offset + shape.reduce((a, b) => a * b, 1)) };
    }
  }
  return found;
}

// The inverse: vectors like those of `begin`, with these parameters. Names and shapes must be those of the model.
export function flat(tensors, places, begin) {
  const vectors = Object.fromEntries(Object.entries(begin).map(([name, values]) => [name, values.slice()]));
  for (const [vector, paths] of Object.entries(places)) {
    for (const [path, { offset, shape }] of Object.entries(paths)) {
      if (!tensors[path]) throw new Error(`the file has no ${path}, so it is of another model`);
      const size = `${tensors[path].shape}`;
      if (size !== `${shape}`) throw new Error(`${path} is [${size}], and [${shape}] here`);
      vectors[vector].set(tensors[path].values, offset);
    }
  }
  return vectors;
}
