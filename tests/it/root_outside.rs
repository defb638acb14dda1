//! Redirect capture: what a plan says of calls to backends that are removed, or whose service has no
//! provider any more, and what live proxies do with them; and keys of one node that hold for the
//! requests for another on its port.

use crate::plan_policy::{live, planned, unchecked};
use crate::support::netns::{World, inside};
use crate::support::tier::{Tier, has};
use meshctl::model::Protocol;
use meshctl::plan::{End, Outcome, Plan};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Beside the services of the node `app`, others at another address, on its port and on their own.
const MESH: &str = r#"
[mesh]
name = "outside"
egress = "EGRESS"

[virtual_node.client]
backends = ["app.internal", "same.internal", "other.internal", "raw.internal"]

[virtual_service."app.internal"]
node = "app"

[virtual_service."same.internal"]
node = "same"

[virtual_service."other.internal"]
node = "other"

[virtual_service."raw.internal"]
node = "raw"

[virtual_node.app]
discovery = { static = ["10.77.0.2"] }
listeners = [{ port = 8080, protocol = "http" }]

[virtual_node.same]
proxy = false
discovery = { static = ["10.77.0.3"] }
listeners = [{ port = 8080, protocol = "http" }]

[virtual_node.other]
proxy = false
discovery = { static = ["10.77.0.3"] }
listeners = [{ port = 9090, protocol = "http" }]

[virtual_node.raw]
proxy = false
discovery = { static = ["10.77.0.3"] }
listeners = [{ port = 7070, protocol = "tcp" }]
"#;

fn world(tag: &str, text: &str) -> World {
    let apps = vec![
        ("app", "127.0.0.1:8080", Protocol::Http),
        ("same", "10.77.0.3:8080", Protocol::Http),
        ("other", "10.77.0.3:9090", Protocol::Http),
        ("raw", "10.77.0.3:7070", Protocol::Tcp),
    ];
    World::new(tag, text, apps)
}

/// What an application in the client's namespace gets: a status, or what is sent first.
fn ask(world: &World, to: &str, request: &str) -> String {
    let to: SocketAddr = to.parse().unwrap();
    let said = inside(&world.net.client, |_| -> Option<String> {
        let limit = Duration::from_secs(10);
        let mut stream = TcpStream::connect_timeout(&to, limit).ok()?;
        stream.set_read_timeout(Some(limit)).ok()?;
        stream.write_all(request.as_bytes()).ok()?;
        let mut line = [0; 12];
        let mut read = 0;
        while read < line.len() {
            // What greets says no more.
            match stream.read(&mut line[read..]) {
                Ok(0) | Err(_) => break,
                Ok(some) => read += some,
            }
            if line[read - 1] == b'\n' {
                break;
            }
        }
        (read > 0).then(|| String::from_utf8_lossy(&line[..read]).into_owned())
    });
    let said = said.unwrap_or_else(|| "refused".to_owned());
    let status = said.strip_prefix("HTTP/1.1 ").or_else(|| said.strip_prefix("HTTP/1.0 "));
    status.map_or_else(|| said.clone(), str::to_owned)
}

fn get(world: &World, to: &str, host: &str) -> String {
    ask(world, to, &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// What is seen of all that can be called.
fn seen(world: &World) -> [String; 4] {
    [
        get(world, "10.77.0.2:8080", "app.internal"),
        get(world, "10.77.0.3:8080", "same.internal"),
        get(world, "10.77.0.3:9090", "other.internal:9090"),
        ask(world, "10.77.0.3:7070", ""),
    ]
}

fn told(outcome: &Outcome, tcp: bool) -> String {
    match (outcome.end, tcp) {
        (End::Nodes | End::Leaves, false) => "200".to_owned(),
        (End::Nodes | End::Leaves, true) => "raw 7070\n".to_owned(),
        (End::Answer, _) => outcome.status.unwrap().to_string(),
        (End::Refused, _) => "refused".to_owned(),
        (End::Unclear, _) => "unclear".to_owned(),
    }
}

/// What a plan says of each that can be called, after the change.
fn after(plan: &Plan) -> [String; 4] {
    ["app.internal", "same.internal", "other.internal", "raw.internal"].map(|name| {
        let mut entries = plan.traffic.entries.iter();
        let found = entries.find(|own| own.entry.to_string().contains(name));
        let change = found.and_then(|entry| entry.changes.first());
        let tcp = name == "raw.internal";
        match change {
            Some(change) => told(&change.after, tcp),
            None if tcp => "raw 7070\n".to_owned(),
            None => "200".to_owned(),
        }
    })
}

#[test]
fn calls_to_removed_backends_end_as_the_plan_says() {
    if !has(Tier::Root) {
        return;
    }
    let mut otherwise = Vec::new();
    for (egress, tag) in [("drop-all", "od"), ("allow-all", "oa")] {
        let base = MESH.replace("EGRESS", egress);
        let before = unchecked(&base);
        let backends =
            "[\"app.internal\", \"same.internal\", \"other.internal\", \"raw.internal\"]";
        let cases = [
            ("nothing", base.clone()),
            ("removed", base.replace(backends, "[\"app.internal\"]")),
            (
                "not provided",
                base.replace("node = \"same\"\n", "").replace("node = \"other\"\n", ""),
            ),
            ("another port", base.replace("port = 9090", "port = 9091")),
        ];
        for (name, text) in cases {
            let plan = planned(&live(&before), &unchecked(&text), &[]);
            let mut told = after(&plan);
            let world = world(tag, &text);
            let mut seen = seen(&world);
            for (told, seen) in told.iter_mut().zip(&mut seen) {
                *told = told.trim().to_owned();
                *seen = seen.trim().to_owned();
            }
            if told != seen {
                otherwise.push(format!("{egress}, {name}: told {told:?}, seen {seen:?}"));
            }
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

#[test]
fn a_key_of_one_node_holds_for_requests_to_another_on_its_port() {
    if !has(Tier::Root) {
        return;
    }
    let base = MESH.replace("EGRESS", "drop-all");
    let own = "static = [\"10.77.0.2\"] }\nlisteners = [{ ";
    let keys = "http = { accept_http_10 = true, ignore_upgrades = [\"foo\"] }, ";
    let keyed = base.replace(own, &format!("{own}{keys}"));
    let plan = planned(&live(&unchecked(&base)), &unchecked(&keyed), &[]);
    let of_client = plan.traffic.policies.iter().find(|policy| {
        policy.places.iter().any(|place| place.address.to_string() == "virtual_node/client")
    });
    let policy = of_client.unwrap_or_else(|| panic!("{:#?}", plan.traffic));
    assert_eq!(policy.witness.url, "http://same.internal:8080/");
    let names: Vec<&str> = policy.settings.iter().map(|own| own.name.as_str()).collect();
    assert_eq!(names, ["http.accept_http_10", "http.ignore_upgrades"]);
    let requests = [
        "GET / HTTP/1.0\r\nHost: same.internal:8080\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: same.internal:8080\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n",
    ];
    for (tag, text, statuses) in [("oh", &base, ["426", "403"]), ("ok", &keyed, ["200", "200"])] {
        let world = world(tag, text);
        for (request, status) in requests.iter().zip(statuses) {
            assert_eq!(ask(&world, "10.77.0.3:8080", request).trim(), status, "{request}");
        }
    }
}
