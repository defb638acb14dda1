//! How calls end to a service that is no entry of its caller's proxy any more, or has another
//! port: a plan's words are those of a traced request on both sides, with anything else on the port.

use crate::plan_policy::{live, planned, unchecked};
use crate::support::random_mesh::Chance;
use meshctl::model::{Mesh, NodeName};
use meshctl::plan::{End, Outcome, TrafficChange};
use meshctl::traffic::{End as Traced, Request, Source, Tracer};
use std::collections::BTreeMap;

/// Services with their ports, protocols and addresses.
const SERVICES: [(&str, u16, &str, &str); 8] = [
    ("a", 80, "http", "static = [\"10.0.0.1\"]"),
    ("b", 80, "http", "static = [\"10.0.0.2\"]"),
    ("c", 80, "http2", "dns = \"c.example\""),
    ("d", 81, "http", "static = [\"10.0.0.4\"]"),
    ("e", 82, "tcp", "static = [\"10.0.0.5\"]"),
    ("f", 82, "tcp", "static = [\"10.0.0.6\"]"),
    ("g", 82, "tcp", "dns = \"g.example\""),
    ("h", 83, "tcp", "dns = \"h.example\""),
];

/// A caller of some of them; of those that are not provided nothing is.
fn mesh(capture: &str, egress: &str, listed: u32, provided: u32) -> Mesh {
    let mut text = format!(
        "[mesh]\nname = \"m\"\negress = \"{egress}\"\ncapture = \"{capture}\"\n\n\
         [virtual_node.client]\nbackends = ["
    );
    let mut tcp = 0;
    for (at, (name, port, protocol, _)) in SERVICES.iter().enumerate() {
        // A port is captured for one TCP service.
        let again = *protocol == "tcp" && tcp == *port;
        if listed & (1 << at) == 0 || again {
            continue;
        }
        if *protocol == "tcp" {
            tcp = *port;
        }
        match capture {
            "explicit" => text.push_str(&format!(
                "{{ service = \"{name}.internal\", bind = \"127.0.0.1:{}\" }}, ",
                9000 + at
            )),
            _ => text.push_str(&format!("\"{name}.internal\", ")),
        }
    }
    text.push_str("]\n");
    for (at, (name, port, protocol, found)) in SERVICES.iter().enumerate() {
        text.push_str(&format!("\n[virtual_service.\"{name}.internal\"]\n"));
        if provided & (1 << at) != 0 {
            text.push_str(&format!("node = \"{name}\"\n"));
        }
        text.push_str(&format!(
            "\n[virtual_node.{name}]\nlisteners = [{{ port = {port}, protocol = \"{protocol}\" }}]\n\
             discovery = {{ {found} }}\n"
        ));
    }
    unchecked(&text)
}

fn told(outcome: &Outcome) -> String {
    match outcome.end {
        End::Nodes => {
            let nodes: Vec<String> = outcome.nodes.iter().map(|own| own.node.to_string()).collect();
            nodes.join(" ")
        }
        End::Answer => outcome.status.unwrap().to_string(),
        End::Leaves => "leaves".to_owned(),
        End::Refused => "refused".to_owned(),
        End::Unclear => "unclear".to_owned(),
    }
}

fn traced(mesh: &Mesh, change: &TrafficChange) -> Option<String> {
    let (method, url) = (&change.witness.method, &change.witness.url);
    let request = Request::new(if method == "TCP" { "GET" } else { method }, url).unwrap();
    let client = Source::Node(NodeName::new("client").unwrap());
    Some(match Tracer::new(mesh).follow(&client, &request).end {
        Traced::Targets { shares, .. } => {
            let nodes: Vec<String> = shares.iter().map(|own| own.to.name.to_string()).collect();
            nodes.join(" ")
        }
        Traced::Answer { status, .. } => status.to_string(),
        Traced::Closed { .. } => "refused".to_owned(),
        Traced::PassedOn => "leaves".to_owned(),
        // What the addresses of the name are: a plan knows those of the mesh's own services.
        Traced::Unknown { .. } => return None,
    })
}

#[test]
fn a_plan_says_what_tracing_says_of_calls_to_services_that_come_and_go() {
    let mut c = Chance::new(20_261);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..150 {
        for capture in ["redirect", "explicit"] {
            let mut pick = || u32::try_from(c.below(256)).unwrap();
            let (listed, then) = (pick(), pick());
            // Most are provided.
            let (provided, later) = (pick() | pick() | pick(), pick() | pick() | pick());
            let mut egress = || if c.below(2) == 0 { "drop-all" } else { "allow-all" };
            let before = mesh(capture, egress(), listed, provided);
            let after = mesh(capture, egress(), then, later);
            let plan = planned(&live(&before), &after, &[]);
            for change in plan.traffic.entries.iter().flat_map(|entry| &entry.changes) {
                for (side, outcome) in [(&before, &change.before), (&after, &change.after)] {
                    let told = told(outcome);
                    let Some(traced) = traced(side, change) else {
                        *seen.entry(format!("{capture}: not traced, {told}")).or_default() += 1;
                        continue;
                    };
                    assert_eq!(told, traced, "{capture}: {change:#?}\n{side:#?}");
                    let kind = if told.len() == 1 { "a node" } else { &told };
                    *seen.entry(format!("{capture}: {kind}")).or_default() += 1;
                }
            }
        }
    }
    for kind in [
        "redirect: a node",
        "redirect: 404",
        "redirect: leaves",
        "redirect: refused",
        "explicit: a node",
        "explicit: refused",
    ] {
        assert!(seen.get(kind).is_some_and(|times| *times > 10), "{kind}: {seen:#?}");
    }
}
