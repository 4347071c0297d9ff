using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:@PORT@", http = (), service = "main")],
);

const main :Workerd.Worker = (
  modules = [
    (name = "workers.js", esModule = embed "workers.js"),
    (name = "cors.js", esModule = embed "cors.js"),
  ],
  compatibilityDate = "2025-01-01",
);
