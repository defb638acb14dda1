//! Traffic that a plan would lose at the entry points themselves: a guard refuses it like any other.

use crate::plan_policy::{BASE, C0, live, planned, refusals, unchecked};
use crate::traffic::mesh;
use meshctl::model::EgressFilter;
use meshctl::plan::{End, TrafficSeverity};
use meshctl::report::plan as text;

/// A change that leaves requests without a server, what it is, the witness, and the consent.
type Lost =
    (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static [&'static str]);

const LOST: &[Lost] = &[
    (
        "the gateway's listener moves",
        &[(
            "listeners = [{ port = 8080, protocol = \"http\", connection",
            "listeners = [{ port = 8081, protocol = \"http\", connection",
        )],
        "http://edge:8080/",
        &["virtual_gateway/edge"],
    ),
    (
        "the gateway listens at one address",
        &[(
            "listeners = [{ port = 8080, protocol = \"http\", connection",
            "listeners = [{ port = 8080, protocol = \"http\", address = \"127.0.0.1\", connection",
        )],
        "http://edge:8080/",
        &["virtual_gateway/edge"],
    ),
    (
        "the gateway has another name",
        &[
            ("[virtual_gateway.edge]\n", "[virtual_gateway.door]\n"),
            ("[[virtual_gateway.edge.routes]]", "[[virtual_gateway.door.routes]]"),
            ("[virtual_gateway.edge.backend_defaults", "[virtual_gateway.door.backend_defaults"),
        ],
        "http://edge:8080/",
        &["virtual_gateway/edge"],
    ),
    (
        "the bound address moves",
        &[("127.0.0.1:23230", "127.0.0.1:23231")],
        "http://127.0.0.1:23230/",
        &[C0],
    ),
    (
        "the backend is removed",
        &[(
            "backends = [{ service = \"s.internal\", bind = \"127.0.0.1:23230\" }]",
            "backends = []",
        )],
        "http://127.0.0.1:23230/",
        &[C0],
    ),
    (
        "the caller is removed, with another in its place",
        &[
            ("[virtual_node.c0]\n", "[virtual_node.c1]\n"),
            ("[virtual_node.c0.backend_defaults", "[virtual_node.c1.backend_defaults"),
        ],
        "http://127.0.0.1:23230/",
        &[C0],
    ),
    (
        "capture changes",
        &[(
            "[virtual_node.c0]\nbackends = [{ service = \"s.internal\", bind = \"127.0.0.1:23230\" }]",
            "[virtual_node.c0]\ncapture = \"redirect\"\nbackends = [\"s.internal\"]",
        )],
        "http://127.0.0.1:23230/",
        &[C0],
    ),
    (
        "the client has no certificate any more, and the server asks for one",
        &[("certificate = { file = { chain = \"c0.pem\", key = \"c0.key\" } }\n", "")],
        "http://s.internal:8080/",
        &[C0],
    ),
];

#[test]
fn entry_points_that_go_away_are_lost_traffic_until_it_is_consented_to() {
    for egress in ["", "egress = \"allow-all\"\n"] {
        let base =
            BASE.replace("capture = \"explicit\"\n", &format!("capture = \"explicit\"\n{egress}"));
        let before = live(&mesh(&base));
        for (name, edits, witness, causes) in LOST {
            let mut after = base.clone();
            for (from, to) in *edits {
                assert!(after.contains(from), "{name}: {from}");
                after = after.replace(from, to);
            }
            // A client without a certificate is found by the rules too, so they are not asked.
            let desired = unchecked(&after);
            let plan = planned(&before, &desired, &[]);
            let flags: Vec<String> =
                causes.iter().map(|cause| format!("--accept MC0906@{cause}")).collect();
            assert_eq!(
                refusals(&plan),
                [format!("MC0906 {}", flags.join(" "))],
                "{name}: {:#?}",
                plan.traffic
            );
            let message = &plan.refusals().next().unwrap().message;
            assert!(message.contains(witness), "{name}: {message}");
            let words = text::requests(&plan.traffic, text::View::default());
            assert!(words.contains("lost"), "{name}: {words}");
            let consented = planned(&before, &desired, causes);
            assert!(refusals(&consented).is_empty(), "{name}: {:?}", refusals(&consented));
        }
    }
}

#[test]
fn under_explicit_capture_nothing_leaves_the_mesh_where_a_bound_port_closes() {
    let base = BASE.replace("name = \"base\"\n", "name = \"base\"\negress = \"allow-all\"\n");
    let after = base.replace("[{ service = \"s.internal\", bind = \"127.0.0.1:23230\" }]", "[]");
    let plan = planned(&live(&mesh(&base)), &mesh(&after), &[]);
    let [entry] = plan.traffic.entries.as_slice() else { panic!("{:#?}", plan.traffic) };
    assert_eq!(entry.at.unwrap().to_string(), "127.0.0.1:23230");
    assert!(entry.changes.iter().all(|change| change.severity == TrafficSeverity::Lost));
    assert!(entry.changes.iter().all(|change| change.after.end == End::Refused));
}

#[test]
fn two_bound_addresses_that_change_places_change_what_calls_reach() {
    let two = BASE.replace(
        "[virtual_service.\"s.internal\"]",
        "[virtual_service.\"t.internal\"]\nnode = \"n0\"\n\n[virtual_service.\"s.internal\"]",
    );
    let binds = |s: u16, t: u16| {
        two.replace(
            "[{ service = \"s.internal\", bind = \"127.0.0.1:23230\" }]",
            &format!(
                "[{{ service = \"s.internal\", bind = \"127.0.0.1:{s}\" }}, \
                 {{ service = \"t.internal\", bind = \"127.0.0.1:{t}\" }}]"
            ),
        )
    };
    let before = live(&mesh(&binds(23230, 23231)));
    let plan = planned(&before, &mesh(&binds(23231, 23230)), &[]);
    assert_eq!(plan.traffic.lost, 0, "{:#?}", plan.traffic);
    assert_eq!(plan.traffic.entries.len(), 2);
    for entry in &plan.traffic.entries {
        assert!(entry.changed > 0 && entry.at.is_some());
        for change in &entry.changes {
            assert_ne!(change.before.host, change.after.host, "the server sees another host");
        }
    }
    // Every address of the host takes what one address took.
    let wide = binds(23230, 23231).replace("127.0.0.1:23230", "0.0.0.0:23230");
    let plan = planned(&before, &mesh(&wide), &[]);
    assert_eq!(plan.traffic.lost, 0, "{:#?}", plan.traffic);
}

#[test]
fn calls_out_of_the_mesh_that_are_dropped_are_lost_traffic() {
    let base = BASE
        .replace("capture = \"explicit\"\n", "egress = \"allow-all\"\n")
        .replace(", bind = \"127.0.0.1:23230\"", "");
    let after = base.replace("allow-all", "drop-all");
    let plan = planned(&live(&mesh(&base)), &mesh(&after), &[]);
    assert_eq!(refusals(&plan), ["MC0906 --accept MC0906@mesh"]);
    let consented = planned(&live(&mesh(&base)), &mesh(&after), &["mesh"]);
    assert!(refusals(&consented).is_empty());
    // Under explicit capture no such call meets a proxy.
    let base = BASE
        .replace("capture = \"explicit\"\n", "capture = \"explicit\"\negress = \"allow-all\"\n");
    let after = base.replace("allow-all", "drop-all");
    let plan = planned(&live(&mesh(&base)), &mesh(&after), &[]);
    assert!(refusals(&plan).is_empty() && plan.traffic.egress.is_none());
    // Nor does one under redirect capture by a node without a proxy.
    let base = unchecked(&base.replace(
        "[virtual_node.c0]\n",
        "[virtual_node.c0]\nproxy = false\ncapture = \"redirect\"\n",
    ));
    let mut after = base.clone();
    after.settings.egress = EgressFilter::DropAll;
    let plan = planned(&live(&base), &after, &[]);
    assert!(refusals(&plan).is_empty() && plan.traffic.egress.is_none());
}
