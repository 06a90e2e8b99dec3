// Starts `nnspec lsp` and connects it with the editor; everything else is in the server.
const { workspace, window } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function activate() {
  const command = workspace.getConfiguration("nnspec").get("command", "nnspec");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("nnspec", "nnspec", server, { documentSelector: [{ language: "nnspec" }] });
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(`${command} lsp does not start: ${error.message}. Install it: pip install 'pygls>=2'`);
  }
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
