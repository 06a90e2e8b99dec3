// Starts `nnspec lsp` and connects it with the editor; everything else is in the server.
const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = workspace.getConfiguration("nnspec").get("command", "nnspec");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("nnspec", "nnspec", server, { documentSelector: [{ language: "nnspec" }] });
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    const why = `${command} lsp does not start: ${error.message}. It needs nnspec and pygls: pip install 'pygls>=2'`;
    window.showErrorMessage(why, "Settings").then((chosen) => {
      if (chosen) commands.executeCommand("workbench.action.openSettings", "nnspec.command");
    });
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
}

async function restart() {
  await stop();
  await start();
}

function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("nnspec.restart", restart),
    workspace.onDidChangeConfiguration((change) => change.affectsConfiguration("nnspec.command") && restart()),
  );
  return start();
}

module.exports = { activate, deactivate: stop };
