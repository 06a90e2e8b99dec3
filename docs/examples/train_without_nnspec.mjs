// Train with onnxruntime-web alone, from the folder that `nnspec compile --training-graph` writes.
// `ort` is the module onnxruntime-web; `read(name)` resolves to the bytes of a file of the folder (fetch, or fs).

const ARRAYS = { float32: Float32Array, uint32: Uint32Array, int64: BigInt64Array };

function vectors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const named = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return Object.fromEntries(
    named.map(([name, said]) => [name, new Float32Array(bytes.slice(start + said.data_offsets[0], start + said.data_offsets[1]).buffer)]),
  );
}

// Yields the loss of each batch and the state behind it. A batch is an object of tensors of onnxruntime-web.
export async function* train(ort, read, batches) {
  const said = JSON.parse(new TextDecoder().decode(await read("manifest.json")));
  const load = async (name) => ort.InferenceSession.create(await read(name));
  const update = await load(said.files.update), steps = {};
  for (const [rows, name] of Object.entries(said.files.step)) steps[rows] = await load(name);
  const state = Object.fromEntries(
    Object.entries(vectors(await read(said.files.state))).map(([name, data]) => [name, new ort.Tensor("float32", data, [data.length])]),
  );

  async function run(session, part, i, more) {
    const feeds = { ...more };
    for (const name of said[part].state) feeds[name] = state[name];
    for (const [name, { dtype, value, add }] of Object.entries(said[part].scalars)) {
      const number = Array.isArray(value) ? value[i] : value + i * (add ?? 0);
      feeds[name] = new ort.Tensor(dtype, ARRAYS[dtype].of(dtype === "int64" ? BigInt(number) : number), []);
    }
    const out = await session.run(feeds);
    for (const [name, into] of Object.entries(said[part].feed_back)) state[into] = out[name];
    return out;
  }

  let i = 0;
  for await (const batch of batches) {
    const rows = Object.values(batch)[0].dims[0];
    const found = await run(steps[rows], "step", i, batch);
    await run(update, "update", i, { gradient: found.gradient });
    yield { loss: found.loss.data[0], state };
    i += 1;
  }
}
