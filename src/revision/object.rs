//! A mesh as one JSON object a resource, and back.

use crate::model::{
    AccessLog, Address, BackendDefaults, GatewayListener, GatewayName, GatewayRoute, Mesh,
    MeshSettings, Route, RouteName, RouterListener, RouterName, Tags, VirtualGateway,
    VirtualRouter,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The identity of an object: the SHA-256 of its canonical JSON, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectId(String);

impl ObjectId {
    /// The identity of a resource's JSON.
    pub fn of(value: &Value) -> Self {
        Self::of_text(&canonical_json(value))
    }

    fn of_text(canonical: &str) -> Self {
        let hash = Sha256::digest(canonical.as_bytes());
        let mut hex = String::with_capacity(64);
        for byte in hash {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The JSON of a resource, kept as its canonical text: a tenth of the memory of a tree of values,
/// and hashed as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object(Box<str>);

impl Object {
    /// The object of a value.
    pub fn new(value: &Value) -> Self {
        Self(canonical_json(value).into())
    }

    /// The value.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("invariant: the text was written from a value")
    }

    /// Its identity.
    pub fn id(&self) -> ObjectId {
        ObjectId::of_text(&self.0)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Value::deserialize(from).map(|value| Self::new(&value))
    }
}

/// JSON without white space and with sorted keys, whatever features of serde_json are on.
pub fn canonical_json(value: &Value) -> String {
    serde_json::to_string(&Canonical(value)).expect("invariant: JSON can be written as JSON")
}

/// Serialises a value with its keys sorted.
struct Canonical<'a>(&'a Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Array(items) => to.collect_seq(items.iter().map(Canonical)),
            Value::Object(map) => {
                let mut entries: Vec<(&String, &Value)> = map.iter().collect();
                entries.sort_by_key(|(key, _)| *key);
                to.collect_map(entries.into_iter().map(|(key, value)| (key, Canonical(value))))
            }
            plain => plain.serialize(to),
        }
    }
}

/// A router without its routes, which are resources of their own; their order is the router's.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RouterObject {
    listeners: Vec<RouterListener>,
    routes: Vec<RouteName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

/// A gateway without its routes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GatewayObject {
    listeners: Vec<GatewayListener>,
    #[serde(default)]
    backend_defaults: BackendDefaults,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_log: Option<AccessLog>,
    routes: Vec<RouteName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    tags: Tags,
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("invariant: the model is plain data with string keys")
}

/// The JSON of one resource, if the mesh has it.
pub fn object(mesh: &Mesh, address: &Address) -> Option<Value> {
    match address {
        Address::Mesh => Some(json(&mesh.settings)),
        Address::Node(name) => mesh.nodes.get(name).map(json),
        Address::Service(name) => mesh.services.get(name).map(json),
        Address::Router(name) => mesh.routers.get(name).map(|router| {
            let VirtualRouter { listeners, routes, owner, tags } = router;
            json(&RouterObject {
                listeners: listeners.clone(),
                routes: routes.iter().map(|route| route.name.clone()).collect(),
                owner: owner.clone(),
                tags: tags.clone(),
            })
        }),
        Address::Route(router, name) => mesh.routers.get(router)?.route(name).map(json),
        Address::Gateway(name) => mesh.gateways.get(name).map(|gateway| {
            let VirtualGateway { listeners, backend_defaults, access_log, routes, owner, tags } =
                gateway;
            json(&GatewayObject {
                listeners: listeners.clone(),
                backend_defaults: backend_defaults.clone(),
                access_log: access_log.clone(),
                routes: routes.iter().map(|route| route.name.clone()).collect(),
                owner: owner.clone(),
                tags: tags.clone(),
            })
        }),
        Address::GatewayRoute(gateway, name) => mesh.gateways.get(gateway)?.route(name).map(json),
    }
}

/// The JSON of every resource.
pub fn split(mesh: &Mesh) -> BTreeMap<Address, Value> {
    let mut all = BTreeMap::from([(Address::Mesh, json(&mesh.settings))]);
    all.extend(mesh.nodes.iter().map(|(name, node)| (Address::Node(name.clone()), json(node))));
    all.extend(
        mesh.services.iter().map(|(name, item)| (Address::Service(name.clone()), json(item))),
    );
    for (name, router) in &mesh.routers {
        let address = Address::Router(name.clone());
        if let Some(value) = object(mesh, &address) {
            all.insert(address, value);
        }
        for route in &router.routes {
            all.insert(Address::Route(name.clone(), route.name.clone()), json(route));
        }
    }
    for (name, gateway) in &mesh.gateways {
        let address = Address::Gateway(name.clone());
        if let Some(value) = object(mesh, &address) {
            all.insert(address, value);
        }
        for route in &gateway.routes {
            all.insert(Address::GatewayRoute(name.clone(), route.name.clone()), json(route));
        }
    }
    all
}

/// Why objects are no mesh.
#[derive(Debug)]
pub enum Error {
    /// An object does not have the form of its kind.
    Malformed {
        /// Whose object it is.
        address: Address,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A router or gateway lists a route that is not there, or a route is listed nowhere.
    Unlisted {
        /// The route.
        address: Address,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { address, .. } => {
                write!(f, "the record of {address} does not have the form of its kind")
            }
            Self::Unlisted { address } => {
                write!(f, "{address} and the resource that lists it do not agree")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed { source, .. } => Some(source),
            Self::Unlisted { .. } => None,
        }
    }
}

fn read<T: DeserializeOwned>(address: &Address, value: &Value) -> Result<T, Error> {
    T::deserialize(value).map_err(|source| Error::Malformed { address: address.clone(), source })
}

/// Puts a mesh together from its objects.
pub fn join(resources: &BTreeMap<Address, Value>) -> Result<Mesh, Error> {
    let mut mesh = Mesh::default();
    let mut routes: BTreeMap<(RouterName, RouteName), Route> = BTreeMap::new();
    let mut gateway_routes: BTreeMap<(GatewayName, RouteName), GatewayRoute> = BTreeMap::new();
    let mut routers: BTreeMap<RouterName, RouterObject> = BTreeMap::new();
    let mut gateways: BTreeMap<GatewayName, GatewayObject> = BTreeMap::new();
    for (address, value) in resources {
        match address {
            Address::Mesh => mesh.settings = read::<MeshSettings>(address, value)?,
            Address::Node(name) => {
                mesh.nodes.insert(name.clone(), read(address, value)?);
            }
            Address::Service(name) => {
                mesh.services.insert(name.clone(), read(address, value)?);
            }
            Address::Router(name) => {
                routers.insert(name.clone(), read(address, value)?);
            }
            Address::Gateway(name) => {
                gateways.insert(name.clone(), read(address, value)?);
            }
            Address::Route(router, name) => {
                routes.insert((router.clone(), name.clone()), read(address, value)?);
            }
            Address::GatewayRoute(gateway, name) => {
                gateway_routes.insert((gateway.clone(), name.clone()), read(address, value)?);
            }
        }
    }
    for (name, item) in routers {
        let RouterObject { listeners, routes: order, owner, tags } = item;
        let take = |route: RouteName| {
            let key = (name.clone(), route);
            routes.remove(&key).ok_or(Error::Unlisted { address: Address::Route(key.0, key.1) })
        };
        let routes = order.into_iter().map(take).collect::<Result<_, _>>()?;
        mesh.routers.insert(name, VirtualRouter { listeners, routes, owner, tags });
    }
    for (name, item) in gateways {
        let GatewayObject { listeners, backend_defaults, access_log, routes: order, owner, tags } =
            item;
        let take = |route: RouteName| {
            let key = (name.clone(), route);
            gateway_routes
                .remove(&key)
                .ok_or(Error::Unlisted { address: Address::GatewayRoute(key.0, key.1) })
        };
        let routes = order.into_iter().map(take).collect::<Result<_, _>>()?;
        let gateway =
            VirtualGateway { listeners, backend_defaults, access_log, routes, owner, tags };
        mesh.gateways.insert(name, gateway);
    }
    if let Some(((router, route), _)) = routes.pop_first() {
        return Err(Error::Unlisted { address: Address::Route(router, route) });
    }
    if let Some(((gateway, route), _)) = gateway_routes.pop_first() {
        return Err(Error::Unlisted { address: Address::GatewayRoute(gateway, route) });
    }
    Ok(mesh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{parse, read_mesh};
    use crate::span::Files;

    fn mesh(text: &str) -> Mesh {
        let mut files = Files::default();
        let id = files.add("m.toml", text);
        let (tree, diagnostics) = parse(id, text);
        assert!(diagnostics.is_empty());
        let reading = read_mesh(&tree);
        assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
        reading.mesh
    }

    const EVERYTHING: &str = r#"
[mesh]
name = "m"
egress = "allow-all"
ip_preference = "ipv4-only"
capture = "explicit"
owner = "123456789012"
tags = { a = "b" }

[virtual_node.a]
listeners = [
  { port = 8080, protocol = "http", app = "127.0.0.1:18080", address = "127.0.0.2",
    connection_pool = { max_connections = 1, max_pending_requests = 2 },
    health_check = { protocol = "http", path = "/", interval = "5s", timeout = "2s", healthy_threshold = 2, unhealthy_threshold = 2 },
    outlier_detection = { max_server_errors = 5, interval = "10s", base_ejection_duration = "10s", max_ejection_percent = 50 },
    timeout = { request = "0s", idle = "250ms" },
    tls = { mode = "strict", certificate = { file = { chain = "c", key = "k" } }, validation = { trust = { sds = "t" }, subject_alternative_names = ["x"] } },
    patch = { cluster = { alt_stat_name = "z" } } },
]
discovery = { dns = { hostname = "a.internal", response_type = "endpoints" } }
backends = ["s.internal", { service = "t.internal", bind = { 8080 = 9001 }, client_policy = { tls = { enforce = false, ports = [1], certificate = { sds = "c" }, validation = { trust = { acm = ["arn"] } } } } }]
access_log = { path = "/dev/stdout", format = { json = { a = "%PROTOCOL%" } } }
capture = "redirect"
patch = { ingress = { a = 1.5, b = [true, "x"] } }

[virtual_node.b]
discovery = { registry = { namespace = "n", service = "s", attributes = { k = "v" } } }

[virtual_service."s.internal"]
router = "r"
[virtual_service."t.internal"]
node = "a"
[virtual_service."u.internal"]

[virtual_router.r]
listeners = [{ port = 8080, protocol = "http" }]
[[virtual_router.r.routes]]
name = "z-first"
priority = 5
match = { path = { regex = "/x" }, method = "GET", headers = { a = [{ prefix = "x" }, { range = [0, 10], invert = true }] }, query_parameters = { q = { present = true } } }
targets = [{ node = "a", weight = 1, port = 8080 }]
timeout = { request = "5s" }
retry = { on = ["gateway-error"], max_retries = 2, per_retry_timeout = "1s" }
[[virtual_router.r.routes]]
name = "a-last"
match = { prefix = "/" }
targets = { a = 0, b = 4294967295 }

[virtual_gateway.g]
listeners = [{ port = 80, protocol = "http" }]
[[virtual_gateway.g.routes]]
name = "one"
match = { hostname = { suffix = ".x" }, prefix = "/y" }
service = { name = "s.internal", port = 8080 }
rewrite = { hostname = false, prefix = "/v/" }
"#;

    #[test]
    fn split_and_join_are_the_identity() {
        let mesh = mesh(EVERYTHING);
        let resources = split(&mesh);
        assert_eq!(join(&resources).unwrap(), mesh);
        let text = serde_json::to_string(&resources).unwrap();
        let back: BTreeMap<Address, Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(join(&back).unwrap(), mesh);
        for (address, value) in &resources {
            assert_eq!(object(&mesh, address).as_ref(), Some(value));
        }
        assert_eq!(resources.keys().cloned().collect::<Vec<_>>(), mesh.addresses());
    }

    #[test]
    fn a_route_that_no_router_lists_is_an_error() {
        let mut resources = split(&mesh(EVERYTHING));
        resources.remove(&"route/r/a-last".parse().unwrap());
        assert!(join(&resources).unwrap_err().to_string().contains("route/r/a-last"));
        let mut resources = split(&mesh(EVERYTHING));
        resources.remove(&"virtual_router/r".parse().unwrap());
        assert!(join(&resources).is_err());
    }

    #[test]
    fn canonical_json_sorts_keys_and_escapes() {
        let value = serde_json::json!({ "b": 1, "a": { "d": "\"\n", "c": [null, true, 1.5] } });
        assert_eq!(canonical_json(&value), r#"{"a":{"c":[null,true,1.5],"d":"\"\n"},"b":1}"#);
    }
}
