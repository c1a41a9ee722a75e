// The page /inspect: opens the records it shows, if its reader has the secret. What is
// typed goes into a key and nowhere else.

import { Unreadable, keysFromSecret, openAffiliate, openEndpoint, secretFromText }
  from "./unseal.js";

const LIFE_MAX_S = 1800; // the service accepts no longer one

const find = (id) => document.getElementById(id);

function bytesFromHex(hex) {
  const bytes = new Uint8Array(hex.length / 2);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

function element(tag, content, className = "") {
  const made = document.createElement(tag);
  made.textContent = content;
  if (className) made.className = className;
  return made;
}

// ---- the cluster: by link, without the server's log seeing it ---------------------

// inspect#clusterID=… is never sent; it is put into the form, which posts it.
function lookFromFragment() {
  const wanted = new URLSearchParams(location.hash.slice(1).replace(/\+/g, "%2B"))
    .get("clusterID");
  if (!wanted || find("records")) return;
  find("cluster-id").value = wanted;
  find("look").requestSubmit();
}

// ---- unsealing --------------------------------------------------------------------

function say(sentence, className = "") {
  const status = find("unseal-status");
  status.textContent = sentence;
  status.className = className;
}

function offerUnsealing() {
  const section = find("unseal");
  if (!section || !document.querySelector(".affiliate")) return;
  section.hidden = false;
  if (!globalThis.crypto?.subtle) {
    find("unseal-ask").hidden = true;
    say("Browsers decrypt only on pages loaded by https, or from localhost. Start the "
      + "service with --landing-tls, or look through a tunnel: "
      + `ssh -L 3001:localhost:${location.port || 80} ${location.hostname}, then open `
      + "http://localhost:3001/inspect", "bad");
    return;
  }
  find("unseal-button").addEventListener("click", unseal);
  find("cluster-secret").addEventListener("keydown", (event) => {
    if (event.key === "Enter") unseal();
  });
  addEventListener("pagehide", () => { find("cluster-secret").value = ""; });
}

async function unseal() {
  const input = find("cluster-secret");
  const button = find("unseal-button");
  if (button.disabled) return;
  button.disabled = true;
  try {
    const keys = await keysFromSecret(secretFromText(input.value));
    await openAll(keys);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    say(error.message, "bad");
  } finally {
    button.disabled = false;
  }
}

async function openAll(keys) {
  const count = { records: 0, opened: 0, badEndpoints: 0 };
  for (const article of document.querySelectorAll(".affiliate")) {
    await openArticle(keys, article, count);
    if (count.records % 50 === 0) say(`Opening … ${count.records}`);
  }
  tell(count);
}

function tell({ records, opened, badEndpoints }) {
  const bad = badEndpoints ? ` ${badEndpoints} of the endpoints cannot be read.` : "";
  if (opened === records) {
    find("cluster-secret").value = "";
    say(`${records === 1 ? "The record is" : `All ${records} records are`} open.${bad}`, "good");
  } else if (opened) {
    find("cluster-secret").value = "";
    say(`${opened} of ${records} records are open; the others were sealed with another `
      + `secret, or are damaged.${bad}`);
  } else {
    say("No record opens with this secret: it is that of another cluster.", "bad");
  }
}

// Records with endpoints only count as opened if one of these does.
async function openArticle(keys, article, count) {
  count.records += 1;
  const code = article.querySelector("code.data");
  const sealed = bytesFromHex(code.textContent);
  const box = article.querySelector(".opened");
  let opened = false;
  try {
    if (sealed.length) {
      showAffiliate(article, box, await openAffiliate(keys, sealed));
      opened = true;
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    showUnreadable(article, box, `Cannot be opened: ${error.message}.`);
  }
  const items = [...article.querySelectorAll(".endpoints li")];
  const results = await Promise.all(items.map((item) => openItem(keys, item)));
  const bad = results.filter((readable) => !readable).length;
  if (!sealed.length) {
    opened = bad < results.length;
    showAlone(article, box, opened);
  }
  count.opened += opened;
  count.badEndpoints += opened ? bad : 0;
  article.classList.toggle("open", opened);
  article.classList.toggle("unreadable", !opened);
}

function showAlone(article, box, opened) {
  article.querySelector(".name").hidden = true;
  box.replaceChildren(element("p", opened
    ? "Others know endpoints of this node; it has not said anything itself."
    : "Nothing of this record can be opened with this secret.", "note"));
  box.hidden = false;
}

function showUnreadable(article, box, sentence) {
  article.querySelector(".name").hidden = true;
  article.querySelector(".sealed").open = true;
  box.replaceChildren(element("p", sentence, "bad"));
  box.hidden = false;
}

function showAffiliate(article, box, affiliate) {
  const name = article.querySelector(".name");
  name.textContent = affiliate.hostname || affiliate.nodename || "(no name)";
  name.hidden = false;
  article.querySelector(".sealed").open = false;
  const list = document.createElement("dl");
  for (const [term, value, exact] of rows(article, affiliate)) {
    if (value === "") continue;
    list.append(element("dt", term), element("dd", value, exact ? "exact" : ""));
  }
  box.replaceChildren(list);
  box.hidden = false;
}

function rows(article, affiliate) {
  const kubespan = affiliate.kubespan;
  const id = article.querySelector(".id").textContent;
  const port = affiliate.apiServerPort;
  return [
    ["Kubernetes node", affiliate.nodename, false],
    ["Machine type", affiliate.machineType, false],
    ["Operating system", affiliate.operatingSystem, false],
    ["Node ID", affiliate.nodeId === id ? "" : `${affiliate.nodeId} (not the ID it is stored under)`, true],
    ["Addresses", affiliate.addresses.join(", "), true],
    ["KubeSpan key", kubespan?.publicKey ?? "", true],
    ["KubeSpan address", kubespan ? kubespan.address : "KubeSpan is off", true],
    ["Advertised networks", kubespan?.advertised.join(", ") ?? "", true],
    ["Excluded networks", kubespan?.excluded.join(", ") ?? "", true],
    ["API server port", port === null ? "" : String(port), true],
    ["Last sent", age(article.querySelector(".life")), false],
  ];
}

// No record lives longer than half an hour from when it was sent.
function age(life) {
  if (!life?.dataset.s) return "";
  const minutes = Math.ceil((LIFE_MAX_S - Number(life.dataset.s)) / 60);
  if (minutes < 0) return "";
  return minutes <= 1 ? "less than a minute ago" : `at most ${minutes} minutes ago`;
}

async function openItem(keys, item) {
  const opened = item.querySelector(".opened");
  const code = item.querySelector("code");
  let endpoint = null;
  try {
    endpoint = await openEndpoint(keys, bytesFromHex(code.textContent));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
  }
  opened.textContent = endpoint ?? "unreadable";
  opened.classList.toggle("bad", endpoint === null);
  opened.hidden = false;
  code.hidden = endpoint !== null;
  return endpoint !== null;
}

lookFromFragment();
offerUnsealing();
