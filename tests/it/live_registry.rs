//! Instances that register themselves: a real Envoy sends its requests where the registry says, within
//! a second, and loses none.

use crate::live_apply::Envoys;
use crate::live_serve_apply::Serve;
use crate::support::mesh::{Block, Seen};
use crate::support::sandbox::Sandbox;
use http::Request;
use meshctl::dev::client::{Connection, Version, call};
use meshctl::dev::upstream::Upstream;
use meshctl::model::Protocol;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const LIMIT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

/// A caller's Envoy, a server, and applications that may register.
struct World {
    runtime: Runtime,
    sandbox: Sandbox,
    server: Option<Serve>,
    web: SocketAddr,
    apps: BTreeMap<String, Upstream>,
    registrar: String,
    _envoys: Envoys,
    _block: Block,
}

impl World {
    fn start() -> Self {
        let block = Block::take();
        let b = block.second();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let mesh = format!(
            "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n\n\
             [virtual_node.web]\nbackends = [{{ service = \"cart.internal\", bind = \"127.{b}.0.1:9001\" \
             }}]\n\n\
             [virtual_node.cart]\nlisteners = [{{ port = 8088, protocol = \"http\", app = \
             \"127.{b}.0.9:18080\" }}]\ndiscovery = {{ registry = {{ namespace = \"shop/eu\", service = \
             \"cart\", attributes = {{ color = \"green\" }} }} }}\n\n\
             [virtual_service.\"cart.internal\"]\nnode = \"cart\"\n"
        );
        let sandbox = Sandbox::with_mesh(&mesh);
        let server = Serve::start(&sandbox, "127.0.0.1:0", "127.0.0.1:0");
        sandbox.write(
            "meshctl.toml",
            format!(
                "[targets.prod]\nserver = \"http://{}\"\nxds = \"{}\"\n\
                 token = {{ file = \"data/operator.token\" }}\n",
                server.admin, server.xds
            ),
        );
        let add =
            "serve operator add cart --role register --mesh m --service shop/eu/cart --data data";
        let registrar =
            sandbox.run(&add.split(' ').collect::<Vec<_>>()).exits(0).stdout.trim().to_owned();
        let ran = sandbox.run(&["apply", "--yes"]).exits(0);
        assert!(!ran.stderr.contains("MC0706"), "{}", ran.stderr);
        let mut envoys = Envoys(Vec::new());
        envoys.start(&sandbox, "web");
        let mut apps = BTreeMap::new();
        for (name, last) in [("a", 11), ("b", 12), ("c", 13)] {
            let at = format!("127.{b}.0.{last}:8088").parse().unwrap();
            let app = runtime.block_on(Upstream::start(name, at, Protocol::Http)).unwrap();
            apps.insert(name.to_owned(), app);
        }
        let web = format!("127.{b}.0.1:9001").parse().unwrap();
        let server = Some(server);
        let world =
            Self { runtime, sandbox, server, web, apps, registrar, _envoys: envoys, _block: block };
        world.until("web listens", |world| world.get() == "503");
        world
    }

    fn serve(&self) -> &Serve {
        self.server.as_ref().unwrap()
    }

    fn operator(&self) -> String {
        let token = std::fs::read_to_string(self.sandbox.join("data/operator.token")).unwrap();
        token.trim().to_owned()
    }

    fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
        let admin = &self.serve().admin;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", admin)
            .header("authorization", format!("Bearer {token}"))
            .body(body.to_owned().into())
            .unwrap();
        let answer = call(admin.parse().unwrap(), Version::Http1, request, LIMIT);
        let answer = self.runtime.block_on(answer).unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    fn path(id: &str) -> String {
        format!("/v1/meshes/m/registry/shop%2Feu/cart/instances/{id}")
    }

    /// Registers an application with more said of it.
    fn register(&self, id: &str, more: Value) -> (u16, Value) {
        let address = self.apps[id].address().ip();
        let mut body = json!({ "address": address, "attributes": { "color": "green" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.ask("PUT", &Self::path(id), &self.registrar, &body.to_string())
    }

    fn deregister(&self, id: &str) -> u16 {
        self.ask("DELETE", &Self::path(id), &self.registrar, "").0
    }

    fn status(&self) -> Value {
        let ran = self.sandbox.run(&["status", "--format", "json"]).exits(0);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    /// Who answers a request of web.
    fn get(&self) -> String {
        let answer = call(self.web, Version::Http1, request(), LIMIT);
        self.runtime.block_on(answer).map_or_else(|error| error.to_string(), |a| Seen(a).brief())
    }

    /// Who answers so many requests.
    fn shares(&self, requests: u32) -> BTreeMap<String, u32> {
        let mut shares = BTreeMap::new();
        for _ in 0..requests {
            *shares.entry(self.get()).or_default() += 1;
        }
        shares
    }

    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) -> Duration {
        let start = Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < PATIENCE,
                "not in time: {what}; {}; {:#}",
                self.get(),
                self.status()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        start.elapsed()
    }

    /// Requests over a few connections while something is done; how often each answer came.
    fn under_load(&self, work: impl FnOnce()) -> BTreeMap<String, u32> {
        let done = Arc::new(AtomicBool::new(false));
        let web = self.web;
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let done = Arc::clone(&done);
                self.runtime.spawn(async move {
                    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
                    let mut connection = Connection::open(web).await.unwrap();
                    while !done.load(Ordering::Relaxed) {
                        let answer = match connection.send(request(), LIMIT).await {
                            Ok(answer) => Seen(answer).brief(),
                            Err(error) => error.to_string(),
                        };
                        *counts.entry(answer).or_default() += 1;
                    }
                    counts
                })
            })
            .collect();
        work();
        done.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for caller in callers {
            for (answer, count) in self.runtime.block_on(caller).unwrap() {
                *all.entry(answer).or_default() += count;
            }
        }
        all
    }
}

fn request() -> Request<bytes::Bytes> {
    Request::get("/").header("host", "cart.internal").body(bytes::Bytes::new()).unwrap()
}

#[test]
fn requests_follow_the_registry_and_none_is_lost() {
    let mut world = World::start();
    // Who is registered has requests. Another colour does not.
    let (status, document) = world.register("a", json!({}));
    assert_eq!((status, &document["lease"]), (201, &json!("valid")), "{document}");
    let took = world.until("a has requests", |world| world.get() == "200 a");
    println!("requests followed a registration after {took:?}");
    assert_eq!(world.register("b", json!({ "attributes": { "color": "blue" } })).0, 201);
    assert_eq!(world.shares(20), BTreeMap::from([("200 a".to_owned(), 20)]));

    // Another one comes, with three times the weight, and goes, and comes.
    let counts = world.under_load(|| {
        for _ in 0..5 {
            assert_eq!(world.register("b", json!({ "weight": 3 })).0, 201);
            world.until("b has requests", |world| world.get() == "200 b");
            assert_eq!(world.deregister("b"), 204);
            world.until("b has none", |world| !world.shares(20).contains_key("200 b"));
        }
    });
    let failed: u32 =
        counts.iter().filter(|(answer, _)| !answer.starts_with("200 ")).map(|(_, n)| n).sum();
    assert_eq!(failed, 0, "{counts:?}");
    assert!(counts["200 b"] > 0, "{counts:?}");
    world.register("b", json!({ "weight": 3 }));
    world.until("the weights hold", |world| {
        let shares = world.shares(80);
        shares.get("200 b").is_some_and(|b| (50..=70).contains(b)) && shares.len() == 2
    });

    // A lease that ends takes the instance away. Renewing is registering again.
    assert_eq!(world.register("c", json!({ "ttl_ms": 2000 })).0, 201);
    assert_eq!(world.register("c", json!({ "ttl_ms": 2000 })).0, 200);
    world.until("c has requests", |world| world.get() == "200 c");
    let lease = |world: &World| world.ask("GET", &World::path("c"), &world.operator(), "").1;
    world.until("its lease ends", |world| lease(world)["lease"] == "lapsed");
    world.until("c has none", |world| !world.shares(20).contains_key("200 c"));

    // A server that is killed serves the same when it comes back; what lapsed stays away.
    let (admin, xds) = (world.serve().admin.clone(), world.serve().xds.clone());
    world.server = None;
    assert_eq!(world.shares(20).keys().filter(|a| a.starts_with("200 ")).count(), 2);
    world.server = Some(Serve::start(&world.sandbox, &admin, &xds));
    assert_eq!(world.status()["registry"][0]["instances"], json!(["a", "b"]));
    world.until("web is back", |world| {
        let web = &world.status()["proxies"][1];
        assert_eq!(web["proxy"], "virtual_node/web");
        web["state"] == "in_force"
    });
    assert_eq!(world.shares(20).keys().filter(|a| a.starts_with("200 ")).count(), 2);
}

#[test]
fn f28_the_last_endpoints_are_kept_when_all_leases_end() {
    let world = World::start();
    for id in ["a", "b"] {
        assert_eq!(world.register(id, json!({ "ttl_ms": 1000 })).0, 201);
    }
    world.until("both have requests", |world| world.shares(20).len() == 2);
    let counts = world.under_load(|| {
        // Where the leases end one after the other, the first may still be taken away.
        world.until("those that are left are held", |world| {
            let found = world.status()["registry"][0].clone();
            found["held"] == found["instances"] && found["held"] != json!([])
        });
    });
    assert!(counts.keys().all(|answer| answer.starts_with("200 ")), "{counts:?}");
    let text = world.sandbox.run(&["status"]).exits(0).stdout;
    assert!(text.contains("virtual_node/cart  shop/eu/cart: "), "{text}");
    assert!(text.contains("kept although their leases expired"), "{text}");
    // Only an operator may say that they are gone.
    let lapsed = "/v1/meshes/m/registry/shop%2Feu/cart/lapsed";
    assert_eq!(world.ask("DELETE", lapsed, &world.registrar, "").0, 403);
    let (status, removed) = world.ask("DELETE", lapsed, &world.operator(), "");
    assert_eq!((status, removed), (200, json!({ "removed": ["a", "b"] })));
    world.until("nobody is left", |world| world.get() == "503");
    // Who comes back has requests again.
    assert_eq!(world.register("a", json!({})).0, 201);
    world.until("a has requests", |world| world.get() == "200 a");
    // What was said is in the log.
    let log = std::fs::read_to_string(world.sandbox.join("data/audit.ndjson")).unwrap();
    assert!(log.contains("\"verb\":\"register\"") && log.contains("confirm lapsed"), "{log}");
}
