//! Tables of routing, and what becomes of single requests.

use crate::support::sandbox::{Ran, Sandbox};
use crate::support::{golden, root, schemas};
use meshctl::load::{self, Options};
use meshctl::model::Mesh;
use meshctl::traffic::{self, Action, PathRewrite, Rewrite, Row, Source};

/// A mesh from its text; it must have no errors.
pub(crate) fn mesh(text: &str) -> Mesh {
    let sandbox = Sandbox::with_mesh(text);
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: sandbox.path().to_path_buf(), env: None, extra: None, now };
    let loaded = load::load(&options).unwrap();
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
    loaded.mesh
}

const SHOP: &str = r#"
[mesh]
name = "shop"

[virtual_node.web]
backends = ["cart.internal", "idle.internal"]

[virtual_node.v1]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "v1.internal" }

[virtual_node.v2]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "v2.internal" }

[virtual_service."cart.internal"]
router = "cart"

[virtual_service."idle.internal"]

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "rest"
match = { prefix = "/" }
targets = { v1 = 3, v2 = 1 }

[[virtual_router.cart.routes]]
name = "first"
priority = 5
match = { path = "/one", method = "POST" }
targets = { v2 = 1 }

[virtual_gateway.edge]
listeners = [{ port = 80, protocol = "http" }]

[[virtual_gateway.edge.routes]]
name = "cut"
match = { hostname = "shop.example", prefix = "/cart" }
service = "cart.internal"

[[virtual_gateway.edge.routes]]
name = "whole"
match = { path = "/old" }
service = "cart.internal"
rewrite = { path = "/one", hostname = false }

[[virtual_gateway.edge.routes]]
name = "nowhere"
match = { prefix = "/idle" }
service = "idle.internal"
"#;

fn brief(row: &Row<'_>) -> String {
    let action = match &row.action {
        Action::Targets(shares) => {
            let each = shares.iter().map(|share| format!("{}={}", share.to.name, share.weight));
            each.collect::<Vec<_>>().join(",")
        }
        Action::Service { to, rewrite: Rewrite { host, path } } => {
            let path = match path {
                PathRewrite::Keep => "",
                PathRewrite::Prefix(text) | PathRewrite::Whole(text) => text,
            };
            format!("{}:{} {}{path}", to.name, to.port, host.unwrap_or("-"))
        }
        Action::Answer(status) => status.to_string(),
    };
    format!("{} {:?} -> {action}", row.address, row.matches.path)
}

#[test]
fn tables_have_the_rows_in_the_order_of_envoy() {
    let mesh = mesh(SHOP);
    let of = |source: &Source| -> Vec<String> {
        let entries = traffic::entries_of(&mesh, source);
        let each = entries.iter().map(|entry| {
            let rows: Vec<String> = entry.rows(&mesh).iter().map(brief).collect();
            format!("{:?} {}: {}", entry.hosts(), entry.port, rows.join("; "))
        });
        each.collect()
    };
    assert_eq!(
        of(&Source::Gateway("edge".to_owned().try_into().unwrap())),
        [
            "None 80: gateway_route/edge/cut Prefix(\"/cart/\") -> cart.internal:8080 cart.internal/; \
          gateway_route/edge/cut Prefix(\"/cart\") -> cart.internal:8080 cart.internal/; \
          gateway_route/edge/whole Exact(\"/old\") -> cart.internal:8080 -/one; \
          gateway_route/edge/nowhere Prefix(\"/idle\") -> 404"
        ]
    );
    assert_eq!(
        of(&Source::Node("web".to_owned().try_into().unwrap())),
        [
            "Some([\"cart.internal\", \"cart.internal:8080\", \"cart.internal.\", \
             \"cart.internal.:8080\"]) 8080: \
             route/cart/first Exact(\"/one\") -> v2=1; \
             route/cart/rest Prefix(\"/\") -> v1=3,v2=1",
            "Some([\"idle.internal\", \"idle.internal:8080\", \"idle.internal.\", \
             \"idle.internal.:8080\"]) 8080: "
        ]
    );
    assert_eq!(traffic::entries(&mesh).len(), 3);
}

/// Requests through the shop, as a person reads what becomes of them.
const TRACES: &[&[&str]] = &[
    &["GET", "http://shop.example/cart/items?page=2"],
    &["GET", "http://shop.example//cart/./x/../items", "-H", "X-Canary: true"],
    &["GET", "http://shop.example/nothing"],
    &["GET", "http://shop.example:9999/cart"],
    &["GET", "https://shop.example/cart"],
    &["BREW", "http://shop.example/cart"],
    &["GET", "http://cart.shop.internal:8080/x", "--from", "checkout"],
    &["GET", "http://elsewhere.example/x", "--from", "virtual_node/checkout"],
    &["CONNECT", "http://shop.example/cart"],
];

#[test]
fn traces_read_as_recorded() {
    // Within the project, so that places are the same wherever the checkout is.
    let sandbox = Sandbox::new();
    let within = |args: &[&str]| {
        Ran::new(sandbox.command(args).current_dir(root().join("examples/shop")).output().unwrap())
    };
    let mut text = String::new();
    for args in TRACES {
        let plain = within(&[&["trace"], *args].concat());
        let words = args.iter().map(|word| match word.contains([' ', '?']) {
            true => format!("'{word}'"),
            false => (*word).to_owned(),
        });
        let words: Vec<String> = words.collect();
        text.push_str(&format!("$ meshctl trace {}\n{}\n", words.join(" "), plain.all()));
        let json = within(&[&["trace", "--format", "json"], *args].concat());
        assert_eq!(json.code, plain.code, "{}", json.all());
        schemas::validate(&serde_json::from_str(&json.stdout).unwrap());
    }
    golden::check(&root().join("tests/cases/trace.txt"), &text);
}
