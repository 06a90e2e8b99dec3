// What a browser remembers of a page: the state of the training and the drawings. A browser that remembers nothing, as in
// private windows, is no error: the page then begins anew.

const STORE = "sessions";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("nnspec", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function asked(mode, ask) {
  try {
    const base = await opened();
    return await new Promise((resolve, reject) => {
      const transaction = base.transaction(STORE, mode), request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => { base.close(); resolve(request.result); };
      transaction.onerror = transaction.onabort = () => { base.close(); reject(transaction.error); };
    });
  } catch {
    return undefined;
  }
}

export const recall = (key) => asked("readonly", (store) => store.get(key));
export const remember = (key, value) => asked("readwrite", (store) => store.put(value, key));
