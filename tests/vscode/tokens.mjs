// Prints the scopes that the TextMate grammar gives to each piece of each file, as the editor colours it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const textmate = require("vscode-textmate");
const oniguruma = require("vscode-oniguruma");

const GRAMMAR = fileURLToPath(new URL("../../grammar/vscode/syntaxes/nnspec.tmLanguage.json", import.meta.url));
await oniguruma.loadWASM((await readFile(require.resolve("vscode-oniguruma/release/onig.wasm"))).buffer);
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: (sources) => new oniguruma.OnigScanner(sources),
    createOnigString: (text) => new oniguruma.OnigString(text),
  }),
  loadGrammar: async () => textmate.parseRawGrammar(await readFile(GRAMMAR, "utf-8"), GRAMMAR),
});
const grammar = await registry.loadGrammar("source.nnspec");

const found = {};
for (const path of process.argv.slice(2)) {
  let state = textmate.INITIAL;
  found[path] = (await readFile(path, "utf-8")).split("\n").map((line) => {
    const said = grammar.tokenizeLine(line, state);
    state = said.ruleStack;
    return said.tokens.map(({ startIndex, endIndex, scopes }) => [startIndex, endIndex, scopes.slice(1)]);
  });
}
console.log(JSON.stringify(found));
