//! Every kind of match of an HTTP route, by a request that it takes and one that it leaves.

use crate::support::mesh::Live;

/// One router: what a case matches goes to `hit`, the rest to `miss`.
const MESH: &str = r#"
[mesh]
name = "matching"

[virtual_node.client]
backends = ["app.internal"]

[virtual_node.hit]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "hit.internal" }

[virtual_node.miss]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "miss.internal" }

[virtual_service."app.internal"]
router = "app"

[virtual_router.app]
listeners = [{ port = 8080, protocol = "http" }]
"#;

/// The condition, a request that meets it, and requests that do not; each as
/// `METHOD PATH [HEADER=VALUE]…`.
const CASES: &[(&str, &str, &[&str])] = &[
    (r#"path = "/exact""#, "GET /exact?a=b", &["GET /exact/", "GET /exac"]),
    (r#"prefix = "/prefix""#, "GET /prefixed/x", &["GET /prefi", "GET /x/prefix"]),
    (r#"path = { regex = "/re/[a-z]{2,3}" }"#, "GET /re/abc?x", &["GET /re/abcd", "GET /x/re/abc"]),
    (r#"prefix = "/method", method = "PUT""#, "PUT /method", &["GET /method", "POST /method"]),
    (
        r#"prefix = "/h1", headers = { x-a = "value" }"#,
        "GET /h1 x-a=value",
        &["GET /h1", "GET /h1 x-a=values", "GET /h1 x-b=value"],
    ),
    (
        r#"prefix = "/h2", headers = { x-a = { prefix = "val" } }"#,
        "GET /h2 x-a=value",
        &["GET /h2", "GET /h2 x-a=xval"],
    ),
    (
        r#"prefix = "/h3", headers = { x-a = { suffix = "lue" } }"#,
        "GET /h3 x-a=value",
        &["GET /h3", "GET /h3 x-a=values"],
    ),
    (
        r#"prefix = "/h4", headers = { x-a = { regex = "v.*e" } }"#,
        "GET /h4 x-a=value",
        &["GET /h4", "GET /h4 x-a=xvalue"],
    ),
    (
        r#"prefix = "/h5", headers = { x-a = { range = [5, 10] } }"#,
        "GET /h5 x-a=5",
        &["GET /h5", "GET /h5 x-a=10", "GET /h5 x-a=4", "GET /h5 x-a=six"],
    ),
    (
        r#"prefix = "/h6", headers = { x-a = { present = true } }"#,
        "GET /h6 x-a=any",
        &["GET /h6", "GET /h6 x-b=any"],
    ),
    (r#"prefix = "/h7", headers = { x-a = { present = false } }"#, "GET /h7", &["GET /h7 x-a=any"]),
    (
        r#"prefix = "/h8", headers = { x-a = { prefix = "val", invert = true } }"#,
        "GET /h8 x-a=other",
        &["GET /h8 x-a=value"],
    ),
    (
        r#"prefix = "/h9", headers = { x-a = [{ prefix = "a" }, { suffix = "z" }], x-b = "1" }"#,
        "GET /h9 x-a=abz x-b=1",
        &["GET /h9 x-a=abz", "GET /h9 x-a=ab x-b=1", "GET /h9 x-a=bz x-b=1"],
    ),
    (
        r#"prefix = "/q1", query_parameters = { q = "tea" }"#,
        "GET /q1?a=b&q=tea",
        &["GET /q1", "GET /q1?q=teas", "GET /q1?p=tea"],
    ),
    (
        r#"prefix = "/q2", query_parameters = { q = { present = true } }"#,
        "GET /q2?q=",
        &["GET /q2", "GET /q2?qq=1"],
    ),
];

fn brief(live: &Live, from: &str, host: &str, request: &str) -> String {
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let headers: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap()).collect();
    live.call(from, method, &format!("http://{host}{path}"), &headers).brief()
}

#[test]
fn a_route_takes_what_its_conditions_say_and_nothing_else() {
    let mut mesh = MESH.to_owned();
    for (number, (condition, ..)) in CASES.iter().enumerate() {
        mesh.push_str(&format!(
            "\n[[virtual_router.app.routes]]\nname = \"case-{number}\"\n\
             match = {{ {condition} }}\ntargets = {{ hit = 1 }}\n"
        ));
    }
    mesh.push_str(
        "\n[[virtual_router.app.routes]]\nname = \"rest\"\nmatch = { prefix = \"/\" }\n\
         targets = { miss = 1 }\n",
    );
    let live = Live::mesh(&mesh);
    let from = "virtual_node/client";
    for (condition, taken, left) in CASES {
        assert_eq!(brief(&live, from, "app.internal", taken), "200 hit", "{condition}: {taken}");
        for request in *left {
            let answer = brief(&live, from, "app.internal", request);
            assert_eq!(answer, "200 miss", "{condition}: {request}");
        }
    }
}

/// A gateway's conditions and rewrites: the match and rewrite, a request, and the host and path
/// that the application sees; `-` where no route takes it.
const DOORS: &[(&str, &str, &str, &str)] = &[
    (
        r#"match = { hostname = "a.example", prefix = "/" }"#,
        "a.example",
        "GET /x",
        "app.internal /x",
    ),
    ("", "a.example.org", "GET /x", "-"),
    (
        r#"match = { hostname = { suffix = ".b.example" }, prefix = "/" }"#,
        "www.b.example",
        "GET /x",
        "app.internal /x",
    ),
    ("", "b.example", "GET /x", "-"),
    (r#"match = { prefix = "/one" }"#, "c.example", "GET /one/two?q=1", "app.internal /two?q=1"),
    ("", "c.example", "GET /one", "app.internal /"),
    (
        r#"match = { prefix = "/keep" }
rewrite = { prefix = false }"#,
        "c.example",
        "GET /keep/two",
        "app.internal /keep/two",
    ),
    (
        r#"match = { prefix = "/from/" }
rewrite = { prefix = "/to/", hostname = false }"#,
        "c.example",
        "GET /from/x",
        "c.example /to/x",
    ),
    ("", "c.example", "GET /fro", "-"),
    (
        r#"match = { path = "/exact" }
rewrite = { path = "/other" }"#,
        "c.example",
        "GET /exact?q=1",
        "app.internal /other?q=1",
    ),
    ("", "c.example", "GET /exact/x", "-"),
    (
        r#"match = { path = { regex = "/r/[0-9]+" }, method = "POST", headers = { x-a = "1" } }"#,
        "c.example",
        "POST /r/12 x-a=1",
        "app.internal /r/12",
    ),
    ("", "c.example", "POST /r/12", "-"),
    ("", "c.example", "GET /r/12 x-a=1", "-"),
    (
        r#"match = { path = "/q", query_parameters = { v = "1" } }"#,
        "c.example",
        "GET /q?v=1",
        "app.internal /q?v=1",
    ),
    ("", "c.example", "GET /q?v=2", "-"),
];

#[test]
fn a_gateway_takes_and_rewrites_what_its_routes_say() {
    let mut mesh = String::from(
        r#"
[mesh]
name = "doors"

[virtual_node.app]
listeners = [{ port = 8080, protocol = "http" }]
discovery = { dns = "app-1.internal" }

[virtual_service."app.internal"]
node = "app"

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http" }]
"#,
    );
    for (number, (rule, ..)) in DOORS.iter().enumerate().filter(|(_, door)| !door.0.is_empty()) {
        mesh.push_str(&format!(
            "\n[[virtual_gateway.edge.routes]]\nname = \"door-{number}\"\n{rule}\n\
             service = \"app.internal\"\n"
        ));
    }
    let live = Live::mesh(&mesh);
    for (_, host, request, expected) in DOORS {
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let headers: Vec<(&str, &str)> = words.map(|word| word.split_once('=').unwrap()).collect();
        let url = format!("http://{host}{path}");
        let answer = live.call("virtual_gateway/edge", method, &url, &headers);
        let text = |name: &str| answer.field(name).as_str().unwrap_or_default().to_owned();
        let seen = match answer.status() {
            200 => format!("{} {}", text("host"), text("path")),
            404 => "-".to_owned(),
            other => other.to_string(),
        };
        assert_eq!(seen, *expected, "{host} {request}");
    }
}

#[test]
fn names_that_yaml_would_read_as_something_else_are_only_names() {
    let names = ["n", "y", "on", "null", "1e3", "0x1"];
    let mut mesh = String::from(
        "[mesh]\nname = \"yes\"\n[virtual_gateway.off]\n\
         listeners = [{ port = 8080, protocol = \"http\" }]\n",
    );
    for name in names {
        mesh.push_str(&format!(
            "[virtual_node.{name}]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"{name}.internal\" }}\n\
             [virtual_router.{name}]\nlisteners = [{{ port = 8080, protocol = \"http\" }}]\n\
             [[virtual_router.{name}.routes]]\nname = \"{name}\"\nmatch = {{ prefix = \"/\" }}\n\
             targets = {{ {name} = 1 }}\n[virtual_service.\"{name}\"]\nrouter = \"{name}\"\n\
             [[virtual_gateway.off.routes]]\nname = \"{name}\"\nmatch = {{ prefix = \"/{name}/\" }}\n\
             service = \"{name}\"\n"
        ));
    }
    let live = Live::mesh(&mesh);
    for name in names {
        let answer = live.get("virtual_gateway/off", &format!("http://any/{name}/x"));
        assert_eq!(answer.brief(), format!("200 {name}"));
        assert_eq!(answer.field("host"), name);
    }
}
