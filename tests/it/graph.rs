//! `graph`: text, documents and pictures of the routing graph.

use crate::support::sandbox::{Ran, Sandbox};
use crate::support::tier::{self, Tier};
use crate::support::{golden, root, schemas};
use serde_json::Value;
use std::fmt::Write;
use std::process::Command;

const EXAMPLES: [&str; 7] =
    ["grpc", "http-headers", "http2", "mtls", "shop", "tcp-mariadb", "timeout-policy"];
const PICTURES: [(&str, &str); 3] = [("mermaid", "mmd"), ("dot", "dot"), ("svg", "svg")];

/// A mesh of so many services, each with a canary, in a tree of calls under a gateway.
fn mesh(services: usize) -> String {
    let mut text = "[mesh]\nname = \"many\"\n\n[virtual_gateway.edge]\n\
                    listeners = [{ port = 8080, protocol = \"http\" }]\n"
        .to_owned();
    for at in 0..services.min(9) {
        let _ = write!(
            text,
            "[[virtual_gateway.edge.routes]]\nname = \"r{at}\"\nmatch = {{ prefix = \"/s{at}/\" }}\n\
             service = \"s{at}.internal\"\n"
        );
    }
    for at in 0..services {
        text.push_str(&service(at, services, 90));
    }
    text
}

fn service(at: usize, services: usize, weight: u32) -> String {
    let next = [3 * at + 1, 3 * at + 2, 3 * at + 3];
    let backends: Vec<String> = next
        .iter()
        .filter(|next| **next < services)
        .map(|next| format!("\"s{next}.internal\""))
        .collect();
    let mut text = format!(
        "[virtual_service.\"s{at}.internal\"]\nrouter = \"s{at}\"\n\n[virtual_router.s{at}]\n\
         listeners = [{{ port = 8080, protocol = \"http\" }}]\n\n[[virtual_router.s{at}.routes]]\n\
         name = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
         targets = {{ s{at}-v1 = {weight}, s{at}-v2 = {} }}\n",
        100 - weight
    );
    for version in ["v1", "v2"] {
        let _ = write!(
            text,
            "\n[virtual_node.s{at}-{version}]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"s{at}-{version}.internal\" }}\nbackends = [{}]\n",
            backends.join(", ")
        );
    }
    text
}

/// Boxes and edges of a picture, counted in its text.
fn counts(format: &str, text: &str) -> (usize, usize) {
    let lines = |test: &dyn Fn(&str) -> bool| text.lines().filter(|line| test(line.trim())).count();
    let numbered = |line: &str| {
        line.strip_prefix('n').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    match format {
        "svg" => (
            lines(&|line| line.starts_with("<g class=\"item")),
            lines(&|line| line.starts_with("<g class=\"edge")),
        ),
        "dot" => (
            lines(&|line| numbered(line) && line.contains(" [label=<")),
            lines(&|line| numbered(line) && line.contains(" -> n")),
        ),
        _ => {
            let arrow = |line: &str| ["-->", "==>", "-.->"].iter().any(|it| line.contains(it));
            (
                lines(&|line| numbered(line) && line.contains("\"<b>")),
                lines(&|line| numbered(line) && arrow(line) && !line.contains("\"<b>")),
            )
        }
    }
}

fn json(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    schemas::validate(&document);
    document
}

/// Fails unless every element of an SVG is closed in its order, and no text brings its own.
fn well_formed(svg: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains(">>"), "{text}");
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {tag}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        let known = ["svg", "g", "title", "style", "rect", "text", "tspan", "line", "path"];
        assert!(known.contains(&name), "{name} is none of ours");
    }
    assert!(open.is_empty(), "{open:?} are open");
}

#[test]
fn examples_are_drawn_as_recorded() {
    let sandbox = Sandbox::new();
    let folder = root().join("tests/cases/graph");
    for name in EXAMPLES {
        let project = root().join("examples").join(name).display().to_string();
        let run =
            |format: &str| sandbox.run(&["-C", &project, "graph", "--format", format]).exits(0);
        golden::check(&folder.join(format!("{name}.txt")), &run("text").stdout);
        let ran = run("json");
        golden::check(&folder.join(format!("{name}.json")), &ran.stdout);
        let document = json(&ran);
        for (format, extension) in PICTURES {
            let drawn = run(format);
            golden::check(&folder.join(format!("{name}.{extension}")), &drawn.stdout);
            let number = |key: &str| document["summary"][key].as_u64().unwrap() as usize;
            assert_eq!(
                counts(format, &drawn.stdout),
                (number("boxes"), number("edges")),
                "{name} as {format} has what the document has"
            );
            if format == "svg" {
                well_formed(&drawn.stdout);
            }
        }
    }
}

#[test]
fn the_picture_in_the_readme_is_that_of_the_shop() {
    let sandbox = Sandbox::new();
    let shop = root().join("examples/shop").display().to_string();
    let ran = sandbox.run(&["-C", &shop, "graph", "--format", "svg"]).exits(0);
    golden::check(&root().join("examples/shop/graph.svg"), &ran.stdout);
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("examples/shop/graph.svg"));
}

/// The shop with a node more, a weight changed, a route and a service gone.
fn changed_shop() -> Sandbox {
    let sandbox = Sandbox::new();
    let shop = root().join("examples/shop");
    for file in ["mesh.toml", "meshctl.toml", "cart.toml", "catalog.toml", "checkout.toml"] {
        sandbox.write(file, std::fs::read(shop.join(file)).unwrap());
    }
    sandbox.run(&["apply", "--yes"]).exits(0);
    let edit = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(sandbox.join(file)).unwrap();
        assert!(text.contains(from), "{from}");
        sandbox.write(file, text.replace(from, to));
    };
    edit("cart.toml", "cart-v1 = 95, cart-v2 = 5", "cart-v1 = 80, cart-v2 = 5, cart-v3 = 15");
    edit(
        "cart.toml",
        "[virtual_node.cart-v2]",
        "[virtual_node.cart-v3]\nlisteners = [{ port = 8080, protocol = \"http\" }]\n\
         discovery = { dns = \"cart-v3.shop.internal\" }\n\n[virtual_node.cart-v2]",
    );
    edit("checkout.toml", ", \"catalog.shop.internal\"", "");
    let text = std::fs::read_to_string(sandbox.join("catalog.toml")).unwrap();
    let search = text.find("# A search must").unwrap();
    let items = text.find("[[virtual_router.catalog.routes]]\nname = \"items\"").unwrap();
    let node = text.find("[virtual_node.search]").unwrap();
    let next = text.find("# Several endpoints").unwrap();
    let left = [&text[..search], &text[items..node], &text[next..]].concat();
    sandbox.write("catalog.toml", left);
    sandbox
}

#[test]
fn changes_are_drawn_with_signs_and_what_goes_away_is_drawn_too() {
    let sandbox = changed_shop();
    let folder = root().join("tests/cases/graph");
    let run = |args: &[&str]| sandbox.run(&[&["graph", "--changes"], args].concat()).exits(0);
    golden::check(&folder.join("changes.txt"), &run(&[]).stdout);
    for (format, extension) in PICTURES {
        let drawn = run(&["--format", format]);
        golden::check(&folder.join(format!("changes.{extension}")), &drawn.stdout);
    }
    let document = json(&run(&["--format", "json"]));
    let of = |address: &str| {
        let resources = document["resources"].as_array().unwrap();
        let found = resources.iter().find(|resource| resource["address"] == address);
        found.unwrap_or_else(|| panic!("no {address}"))["change"].clone()
    };
    assert_eq!(of("virtual_node/cart-v3"), "created");
    assert_eq!(of("route/cart/stable"), "updated");
    assert_eq!(of("route/catalog/search"), "deleted");
    assert_eq!(of("virtual_node/search"), "deleted");
    assert_eq!(of("virtual_node/cart-v1"), Value::Null);
    let edges = document["edges"].as_array().unwrap();
    let edge = |from: &str, to: &str| {
        edges.iter().find(|edge| edge["from"] == from && edge["to"] == to).unwrap()
    };
    assert_eq!(edge("route/cart/stable", "virtual_node/cart-v1")["before"]["percent"], 95.0);
    assert_eq!(edge("route/cart/stable", "virtual_node/cart-v2")["change"], Value::Null);
    assert_eq!(edge("route/cart/stable", "virtual_node/cart-v3")["change"], "created");
    let gone = edge("virtual_node/checkout", "virtual_service/catalog.shop.internal");
    assert_eq!(gone["change"], "deleted");

    // A saved plan, and the revision that it becomes, show the same; only places are of files.
    let bare = |mut document: Value| {
        for resource in document["resources"].as_array_mut().unwrap() {
            resource["origin"] = Value::Null;
        }
        [document["resources"].take(), document["edges"].take()]
    };
    sandbox.run(&["plan", "-o", "saved.json"]);
    let planned = run(&["--format", "json", "--at", "plan:saved.json"]);
    assert_eq!(bare(json(&planned)), bare(document.clone()));
    let without = sandbox.run(&["graph", "--format", "json", "--at", "plan:saved.json"]).exits(0);
    assert!(!without.stdout.contains("virtual_node/search"), "{}", without.stdout);
    let consent = ["MC0906@route/catalog/search", "MC0906@virtual_node/checkout"];
    sandbox.run(&["apply", "--yes", "--accept", consent[0], "--accept", consent[1]]).exits(0);
    let revision = run(&["--format", "json", "--at", "rev:2"]);
    assert_eq!(bare(json(&revision)), bare(document));
    let nothing = json(&run(&["--format", "json"]));
    for count in ["created", "updated", "deleted"] {
        assert_eq!(nothing["summary"][count], 0);
    }
}

#[test]
fn scopes_read_as_recorded_and_unknown_addresses_are_told() {
    let sandbox = Sandbox::new();
    let shop = root().join("examples/shop").display().to_string();
    let mut text = String::new();
    for args in [
        &["virtual_service/cart.shop.internal", "--depth", "1"][..],
        &["virtual_node/checkout"],
        &["virtual_router/catalog", "--depth", "0"],
        &["route/cart/canary", "--depth", "1"],
        &["gateway_route/edge/checkout", "--depth", "2"],
        &["virtual_gateway/edge", "--depth", "1"],
        &["virtual_service/card.shop.internal"],
        &["virtual_node/nobody-has-this-name"],
        &["service/cart"],
        &["--depth", "2"],
        &["--changes", "--at", "live"],
    ] {
        let ran = sandbox.run(&[&["-C", &shop, "graph"], args].concat());
        let _ = writeln!(text, "$ meshctl graph {}\n{}", args.join(" "), ran.all());
        if ran.code == 0 {
            json(&sandbox.run(&[&["-C", &shop, "graph", "--format", "json"], args].concat()));
        }
    }
    let text = text.replace(&shop, "examples/shop");
    golden::check(&root().join("tests/cases/graph/scopes.txt"), &text);
}

#[test]
fn hostile_texts_stay_texts() {
    let mesh = r#"
[mesh]
name = "hostile"

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_gateway.edge.routes]]
name = "a"
match = { prefix = "/a", headers = { x = '<script>&"]-->x|;`**b**"); click n0 href "javascript:alert(1) \N %%{ #quot;' } }
service = "a.internal"

[[virtual_gateway.edge.routes]]
name = "b"
match = { prefix = "/", headers = { y = "]]>--&amp;/" } }
service = "a.internal"

[virtual_service."a.internal"]
node = "a"

[virtual_node.a]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "a.internal" }
"#;
    let sandbox = Sandbox::with_mesh(mesh);
    let svg = sandbox.run(&["graph", "--format", "svg"]).exits(0).stdout;
    well_formed(&svg);
    assert!(svg.contains("&lt;script&gt;&amp;&quot;"), "{svg}");
    for (format, _) in PICTURES {
        let drawn = sandbox.run(&["graph", "--format", format]).exits(0).stdout;
        assert!(!drawn.contains("<script"), "{drawn}");
        assert_eq!(counts(format, &drawn), (3, 3), "{drawn}");
        if format == "mermaid" {
            let own = drawn.lines().filter(|line| line.contains("href"));
            assert!(own.into_iter().all(|line| !line.contains("click n0 href \"")), "{drawn}");
        }
        graphviz(format, &drawn);
    }
    let document = json(&sandbox.run(&["graph", "--format", "json"]).exits(0));
    let words = document["resources"][1]["matches"].as_str().unwrap();
    assert!(words.contains("<script>&\"]-->x|;`"), "{words}");
}

#[test]
fn calls_in_a_circle_and_an_empty_mesh_are_drawn() {
    let mut mesh = "[mesh]\nname = \"circle\"\n".to_owned();
    for at in 0..3 {
        let next = (at + 1) % 3;
        let _ = write!(
            mesh,
            "[virtual_service.\"s{at}.internal\"]\nnode = \"n{at}\"\n[virtual_node.n{at}]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"n{at}.internal\" }}\n\
             backends = [\"s{next}.internal\", \"s{at}.internal\"]\n"
        );
    }
    for (mesh, count) in [(mesh.as_str(), (6, 9)), ("[mesh]\nname = \"empty\"\n", (0, 0))] {
        let sandbox = Sandbox::with_mesh(mesh);
        for (format, _) in PICTURES {
            let drawn = sandbox.run(&["graph", "--format", format]).exits(0).stdout;
            assert_eq!(counts(format, &drawn), count, "{drawn}");
        }
        json(&sandbox.run(&["graph", "--format", "json"]).exits(0));
        let text = sandbox.run(&["graph"]).exits(0).stdout;
        assert_eq!(text.lines().next().unwrap().contains("nothing"), count.0 == 0, "{text}");
    }
}

#[test]
fn pictures_of_5_50_and_500_nodes_agree_and_say_what_they_fold() {
    for services in [3, 25, 250] {
        let sandbox = Sandbox::with_mesh(&mesh(services));
        let whole = json(&sandbox.run(&["graph", "--format", "json"]).exits(0));
        let boxes = 1 + 4 * services as u64;
        assert_eq!(whole["summary"]["boxes"], boxes, "JSON is never folded");
        let drawn = PICTURES.map(|(format, _)| {
            let ran = sandbox.run(&["graph", "--format", format]).exits(0);
            assert_eq!(ran.stderr.contains("drawn"), services > 3, "{}", ran.stderr);
            for said in ran.stderr.lines().filter_map(|line| line.strip_prefix("warning: ")) {
                assert!(format != "svg" || ran.stdout.contains(said), "{said} is not in it");
            }
            graphviz(format, &ran.stdout);
            counts(format, &ran.stdout)
        });
        assert!(drawn.iter().all(|count| *count == drawn[0]), "{drawn:?}");
        assert!(drawn[0].0 <= 300, "{drawn:?}");
        let text = sandbox.run(&["graph"]).exits(0).stdout;
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        let told = text.matches("virtual_service/s0.internal").count();
        assert_eq!(told, 1, "{text}");
    }
}

#[test]
fn the_order_of_files_changes_no_byte() {
    let (one, two) = (Sandbox::with_mesh(&mesh(12)), Sandbox::new());
    two.write("meshctl.toml", "[targets.local]\ndirectory = \"live\"\n");
    let whole = mesh(12);
    let parts: Vec<&str> = whole.split_inclusive("\n\n[virtual_node").collect();
    assert!(parts.len() > 3);
    let head = &whole[..whole.find("[virtual_service").unwrap()];
    two.write("z.toml", head);
    for at in 0..12 {
        two.write(&format!("{}.toml", (b'a' + (at * 7 % 12) as u8) as char), service(at, 12, 90));
    }
    for (format, _) in PICTURES {
        let [one, two] = [&one, &two].map(|it| it.run(&["graph", "--format", format]).exits(0));
        assert_eq!(one.stdout, two.stdout);
    }
}

#[test]
fn a_picture_goes_to_a_file() {
    let sandbox = Sandbox::with_mesh(&mesh(3));
    let shown = sandbox.run(&["graph", "--format", "svg"]).exits(0);
    let ran = sandbox.run(&["graph", "--format", "svg", "-o", "mesh.svg"]).exits(0);
    assert_eq!(ran.stdout, "");
    assert_eq!(std::fs::read_to_string(sandbox.join("mesh.svg")).unwrap(), shown.stdout);
    let ran = sandbox.run(&["graph", "-o", "none/mesh.svg"]).exits(1);
    assert!(ran.stderr.contains("cannot write none/mesh.svg"), "{}", ran.stderr);
}

/// Has Graphviz read a graph and count it, where it is at hand: the test of its own tells.
fn graphviz(format: &str, text: &str) {
    if format != "dot" || tier::on_path("gc").is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("graph.dot", text);
    let output = Command::new("gc").args(["-ne"]).arg(sandbox.join("graph.dot")).output().unwrap();
    let said = Ran::new(output);
    let (boxes, edges) = counts("dot", text);
    let words: Vec<&str> = said.stdout.split_whitespace().collect();
    assert_eq!(words[..2], [boxes.to_string(), edges.to_string()], "{said:?}");
}

#[test]
fn graphviz_reads_what_dot_is_written() {
    if !tier::has(Tier::Debian(&["gc"])) {
        return;
    }
    for name in EXAMPLES {
        let text =
            std::fs::read_to_string(root().join(format!("tests/cases/graph/{name}.dot"))).unwrap();
        graphviz("dot", &text);
    }
}
