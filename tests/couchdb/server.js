// pouchdb-server in memory, with an admin: it refuses everybody else as CouchDB 3 does.
// node server.js PORT USER PASSWORD; its first line of output is its host and port, as soon as it is ready.
"use strict";

const express = require("express");
const basicAuth = require("basic-auth");
const pouchSecurity = require("pouchdb-security");
const PouchDB = require("pouchdb-core")
  .plugin(require("pouchdb-adapter-memory"))
  .plugin(require("pouchdb-adapter-http"))
  .plugin(require("pouchdb-replication"))
  .plugin(require("pouchdb-mapreduce"));

const [port, user, password] = process.argv.slice(2);
const adminsOnly = () => ({ members: { roles: ["_admin"] }, admins: { roles: ["_admin"] } });
const OPEN_TO_ALL = /^\/(_up|_session)?$/;

// A new database is for admins only.
pouchSecurity.getSecurity = function () {
  return this.get("_local/_security").then((document) => document.security, adminsOnly);
};

const couch = require("express-pouchdb")({
  inMemoryConfig: true,
  logPath: "/dev/null",
  overrideMode: { exclude: ["routes/authentication", "routes/authorization", "routes/session", "routes/fauxton"] },
});
couch.setPouchDB(PouchDB.defaults({ prefix: "" }));

function signIn(request, response, next) {
  const given = basicAuth(request);
  const refuse = (reason) => response.status(401).json({ error: "unauthorized", reason });
  if (request.headers.authorization !== undefined && (given?.name !== user || given.pass !== password)) {
    return refuse("Name or password is incorrect.");
  }
  const isOfServer = request.path.startsWith("/_") || (/^\/[^/]+\/?$/.test(request.path) && /PUT|DELETE/.test(request.method));
  if (!given && isOfServer && !OPEN_TO_ALL.test(request.path)) {
    return refuse("You are not a server admin.");
  }
  request.couchSession = { ok: true, userCtx: given ? { name: user, roles: ["_admin"] } : { name: null, roles: [] } };
  next();
}

const server = express();
server.use(signIn);
server.get("/_session", (request, response) => response.json(request.couchSession));
server.use(couch);
const listener = server.listen(Number(port), "127.0.0.1", async () => {
  const here = `127.0.0.1:${listener.address().port}`;
  while (!(await fetch(`http://${here}/`)).ok); // it answers 500 until it has read its settings
  console.log(here);
});
