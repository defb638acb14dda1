//! What a plan reports besides destinations: settings that requests meet and that change, each with
//! its cause.
//!
//! The rows are those of `../shared/cases/plan` that the traffic of a plan has to show.

use crate::support::root;
use crate::traffic::mesh;
use meshctl::envoy::Settings;
use meshctl::model::{Address, Mesh, NodeName, Port};
use meshctl::plan::{
    Consent, Guards, Input, Plan, PolicyPlace, Scope, Target, TrafficPolicy, TrafficSeverity,
    apply_changes, entries_after, plan,
};
use meshctl::report::{self, Shown, plan as text};
use meshctl::revision::Live;
use meshctl::span::Files;
use meshctl::traffic::policy::{FactChange, Moved, NodePort};
use std::collections::BTreeSet;
use std::fs;

/// One gateway, one service behind a router, two nodes, and a caller that binds the service.
pub(crate) const BASE: &str = r#"
[mesh]
name = "base"
capture = "explicit"

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http", connection_pool = { max_connections = 100, max_pending_requests = 100 } }]

[[virtual_gateway.edge.routes]]
name = "all"
match = { prefix = "/" }
service = "s.internal"

[virtual_service."s.internal"]
router = "r"

[virtual_router.r]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.r.routes]]
name = "special"
match = { prefix = "/", headers = { x-a = "e" } }
targets = { n0 = 1 }

[[virtual_router.r.routes]]
name = "rest"
match = { prefix = "/" }
targets = { n1 = 1 }
timeout = { request = "3s" }
retry = { on = ["server-error"], max_retries = 2, per_retry_timeout = "1s" }

[virtual_node.n0]
listeners = [{ port = 9000, protocol = "http", app = "127.0.0.1:19000", tls = { mode = "permissive", certificate = { sds = "n0" } } }]
discovery = { dns = "n0.internal" }

[virtual_node.n1]
discovery = { dns = "n1.internal" }

[[virtual_node.n1.listeners]]
port = 9000
protocol = "http"
app = "127.0.0.1:19001"
connection_pool = { max_connections = 50, max_pending_requests = 50 }
timeout = { request = "5s", idle = "60s" }
outlier_detection = { max_server_errors = 5, interval = "10s", base_ejection_duration = "30s", max_ejection_percent = 50 }
health_check = { protocol = "http", path = "/up", interval = "5s", timeout = "2s", healthy_threshold = 2, unhealthy_threshold = 2 }
tls = { mode = "strict", certificate = { file = { chain = "n1.pem", key = "n1.key" } }, validation = { trust = { file = "clients.pem" }, subject_alternative_names = ["c0.internal"] } }

[virtual_node.c0]
backends = [{ service = "s.internal", bind = "127.0.0.1:23230" }]

[virtual_node.c0.backend_defaults.client_policy.tls]
certificate = { file = { chain = "c0.pem", key = "c0.key" } }
validation = { trust = { file = "servers.pem" }, subject_alternative_names = ["n1.internal"] }
ports = [9000]
enforce = false

[virtual_gateway.edge.backend_defaults.client_policy.tls]
certificate = { file = { chain = "edge.pem", key = "edge.key" } }
validation = { trust = { file = "servers.pem" } }
enforce = false
"#;

pub(crate) fn planned(live: &Live, desired: &Mesh, accept: &[&str]) -> Plan {
    let settings = Settings::path("/root");
    let accept: BTreeSet<Address> = accept.iter().map(|text| text.parse().unwrap()).collect();
    plan(&Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "live".into() },
        live,
        desired,
        owner: None,
        places: None,
        settings: &settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent { accept, ..Consent::default() },
        drift: Vec::new(),
        unrecorded: false,
    })
    .0
}

/// What is live when a mesh has been applied.
pub(crate) fn live(before: &Mesh) -> Live {
    let nothing = Live::default();
    let first = planned(&nothing, before, &[]);
    Live {
        revision: Some(1),
        mesh: apply_changes(&nothing, &first.changes).unwrap(),
        entries: entries_after(&nothing, &first.changes),
    }
}

/// The plan from one text to the same with some of it replaced.
fn change_of(base: &str, edits: &[(&str, &str)], accept: &[&str]) -> Plan {
    let mut after = base.to_owned();
    for (from, to) in edits {
        assert_eq!(base.matches(from).count(), 1, "{from}");
        after = after.replace(from, to);
    }
    planned(&live(&mesh(base)), &mesh(&after), accept)
}

pub(crate) fn refusals(plan: &Plan) -> Vec<String> {
    plan.refusals().map(|refusal| format!("{} {}", refusal.code, refusal.consent)).collect()
}

fn shown(policy: &TrafficPolicy) -> Vec<String> {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
    let of = policy.settings.iter();
    of.map(|own| format!("{} {} -> {}", own.name, value(&own.before), value(&own.after))).collect()
}

/// A change, what it is, the settings that requests meet, where they belong, and its cause.
type Row =
    (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str], &'static str);

const N1: &str = "virtual_node/n1";
pub(crate) const C0: &str = "virtual_node/c0";
const REST: &str = "route/r/rest";

const SETTINGS: &[Row] = &[
    (
        "route timeout",
        &[("request = \"3s\"", "request = \"1ms\"")],
        &["timeout.request 3s -> 1ms"],
        REST,
    ),
    (
        "route timeouts unset",
        &[("timeout = { request = \"3s\" }\n", "")],
        &["timeout.request 3s -> 15s"],
        REST,
    ),
    (
        "route idle timeout",
        &[("{ request = \"3s\" }", "{ request = \"3s\", idle = \"1s\" }")],
        &["timeout.idle 5m -> 1s"],
        REST,
    ),
    (
        "per try",
        &[("per_retry_timeout = \"1s\"", "per_retry_timeout = \"2s\"")],
        &["retry.per_retry_timeout 1s -> 2s"],
        REST,
    ),
    (
        "retries off",
        &[("max_retries = 2", "max_retries = 0")],
        &[
            "retry.max_retries 2 -> 0",
            "retry.on server-error -> unset",
            "retry.per_retry_timeout 1s -> unset",
        ],
        REST,
    ),
    (
        "retry events",
        &[("[\"server-error\"]", "[\"gateway-error\"]")],
        &["retry.on server-error -> gateway-error"],
        REST,
    ),
    (
        "pool",
        &[("max_connections = 50,", "max_connections = 1,")],
        &["connection_pool.max_connections 50 -> 1"],
        N1,
    ),
    (
        "pending",
        &[("max_pending_requests = 50", "max_pending_requests = 1")],
        &["connection_pool.max_pending_requests 50 -> 1"],
        N1,
    ),
    (
        "listener timeout",
        &[("request = \"5s\"", "request = \"1ms\"")],
        &["timeout.request 5s -> 1ms"],
        N1,
    ),
    ("listener idle", &[("idle = \"60s\"", "idle = \"1s\"")], &["timeout.idle 1m -> 1s"], N1),
    (
        "discovery name",
        &[("dns = \"n1.internal\"", "dns = \"n2.internal\"")],
        &["discovery.dns n1.internal -> n2.internal", "tls.server_name n1.internal -> n2.internal"],
        N1,
    ),
    (
        "discovery by addresses",
        &[("{ dns = \"n1.internal\" }", "{ static = [\"10.0.0.1\"] }")],
        &[
            "discovery.dns n1.internal -> unset",
            "discovery.dns.response_type loadbalancer -> unset",
            "discovery.static unset -> 10.0.0.1",
            "tls.server_name n1.internal -> unset",
        ],
        N1,
    ),
    (
        "application",
        &[("127.0.0.1:19001", "127.0.0.1:19002")],
        &["app 127.0.0.1:19001 -> 127.0.0.1:19002"],
        N1,
    ),
    (
        "server names",
        &[("[\"c0.internal\"]", "[\"c1.internal\"]")],
        &["tls.validation.subject_alternative_names c0.internal -> c1.internal"],
        N1,
    ),
    (
        "server trust",
        &[("\"clients.pem\"", "\"others.pem\"")],
        &["tls.validation.trust clients.pem -> others.pem"],
        N1,
    ),
    (
        "server certificate",
        &[("chain = \"n1.pem\"", "chain = \"n2.pem\"")],
        &["tls.certificate n1.pem with n1.key -> n2.pem with n1.key"],
        N1,
    ),
    (
        "strict to permissive",
        &[("\"strict\"", "\"permissive\"")],
        &["tls.mode strict -> permissive"],
        N1,
    ),
    (
        "health check",
        &[("interval = \"5s\"", "interval = \"50s\"")],
        &["health_check.interval 5s -> 50s"],
        N1,
    ),
    (
        "outlier detection",
        &[("max_server_errors = 5", "max_server_errors = 1")],
        &["outlier_detection.max_server_errors 5 -> 1"],
        N1,
    ),
    (
        "expected names",
        &[(
            "subject_alternative_names = [\"n1.internal\"]",
            "subject_alternative_names = [\"other\"]",
        )],
        &["client_policy.tls.validation.subject_alternative_names n1.internal -> other"],
        C0,
    ),
    (
        "client enforces",
        &[("ports = [9000]\nenforce = false", "ports = [9000]")],
        &["client_policy.tls.enforce false -> true"],
        C0,
    ),
    (
        "client certificate",
        &[("\"c0.pem\"", "\"c1.pem\"")],
        &["client_policy.tls.certificate c0.pem with c0.key -> c1.pem with c0.key"],
        C0,
    ),
    (
        "gateway's pool",
        &[("max_connections = 100", "max_connections = 1")],
        &["connection_pool.max_connections 100 -> 1"],
        "virtual_gateway/edge",
    ),
    (
        "gateway's certificate toward services",
        &[("\"edge.pem\"", "\"edge2.pem\"")],
        &["client_policy.tls.certificate edge.pem with edge.key -> edge2.pem with edge.key"],
        "virtual_gateway/edge",
    ),
    (
        "gateway gets TLS that permits plain text",
        &[(
            "protocol = \"http\", connection_pool = { max_connections = 100",
            "protocol = \"http\", tls = { mode = \"permissive\", certificate = { sds = \"edge\" } }, connection_pool = { max_connections = 100",
        )],
        &["tls.certificate unset -> sds edge", "tls.mode disabled -> permissive"],
        "virtual_gateway/edge",
    ),
];

#[test]
fn each_setting_that_requests_meet_is_named_with_both_values_and_its_cause() {
    let mut otherwise = Vec::new();
    for (name, edits, settings, cause) in SETTINGS {
        let plan = change_of(BASE, edits, &[]);
        let traffic = &plan.traffic;
        let moved = traffic.entries.iter().any(|entry| {
            entry.changes.iter().any(|change| change.severity != TrafficSeverity::New)
        });
        let [policy] = traffic.policies.as_slice() else {
            otherwise.push(format!("{name}: {:#?}", traffic.policies));
            continue;
        };
        let causes: Vec<String> = policy.caused_by.iter().map(ToString::to_string).collect();
        let found = (shown(policy), causes, policy.places[0].address.to_string());
        let right = (
            settings.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(),
            vec![(*cause).to_owned()],
            (*cause).to_owned(),
        );
        if found != right || moved || policy.severity != TrafficSeverity::Changed {
            otherwise.push(format!("{name}: {found:#?} {moved}"));
        }
        assert!(refusals(&plan).is_empty(), "{name}: {:?}", refusals(&plan));
        let words = text::requests(traffic, text::View::default());
        assert!(!words.contains("no request changes"), "{name}: {words}");
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

#[test]
fn what_no_request_meets_is_no_change_and_what_was_compared_is_said() {
    for (from, to) in [
        ("[virtual_node.n1]\n", "[virtual_node.n1]\ntags = { team = \"a\" }\n"),
        ("[virtual_node.n1]\n", "[virtual_node.n1]\naccess_log = { path = \"/dev/stdout\" }\n"),
        // The default, written down.
        ("targets = { n0 = 1 }", "targets = { n0 = 1 }\ntimeout = { request = \"15s\" }"),
    ] {
        let plan = change_of(BASE, &[(from, to)], &[]);
        assert_eq!(plan.changes.len(), 1, "{to}");
        assert!(plan.traffic.policies.is_empty() && plan.traffic.entries.is_empty(), "{to}");
        let words = text::requests(&plan.traffic, text::View::default());
        let said = "no request changes its destination or policy at 2 affected entry points";
        assert!(words.contains(said), "{words}");
    }
}

#[test]
fn a_class_is_attributed_to_what_causes_it_and_to_nothing_else() {
    let timeout = ("request = \"3s\"", "request = \"4s\"");
    let trust = ("\"servers.pem\" }, subject", "\"more.pem\" }, subject");
    let weights = ("targets = { n0 = 1 }", "targets = { n0 = 1, n1 = 1 }");
    let header = ("x-a = \"e\"", "x-a = \"f\"");
    // Each of these with every other: what moves a class is named alone.
    type Edits = [(&'static str, &'static str)];
    let cases: &[(&Edits, &[&str])] = &[
        (&[timeout, weights], &["route/r/special"]),
        (&[timeout, header], &["route/r/special"]),
        (&[trust, weights], &["route/r/special"]),
        (&[trust, timeout, header], &["route/r/special"]),
        (&[weights, ("request = \"5s\"", "request = \"6s\"")], &["route/r/special"]),
    ];
    for (edits, causes) in cases {
        let plan = change_of(BASE, edits, &[]);
        assert!(plan.traffic.changed > 0, "{edits:?}");
        for change in plan.traffic.entries.iter().flat_map(|entry| &entry.changes) {
            let found: Vec<String> = change.caused_by.iter().map(ToString::to_string).collect();
            assert_eq!(found, *causes, "{edits:?}: {change:#?}");
        }
    }
    // An edit of one node's TLS toward its backends is that node's, whatever else changes.
    let plan = change_of(BASE, &[trust, weights], &[]);
    let [policy] = plan.traffic.policies.as_slice() else { panic!("{:#?}", plan.traffic.policies) };
    assert_eq!(policy.caused_by.iter().map(ToString::to_string).collect::<Vec<_>>(), [C0]);
    assert_eq!(policy.entries.len(), 1, "the gateway's own policy is another");
}

#[test]
fn a_class_that_takes_another_route_to_the_same_node_meets_its_settings() {
    // The special route leads to the same node, with other times.
    let base = BASE
        .replace("targets = { n0 = 1 }", "targets = { n1 = 1 }\ntimeout = { request = \"7s\" }");
    let after = base.replace("x-a = \"e\"", "x-a = \"f\"");
    let plan = planned(&live(&mesh(&base)), &mesh(&after), &[]);
    let changes: Vec<_> = plan.traffic.entries.iter().flat_map(|entry| &entry.changes).collect();
    assert!(!changes.is_empty());
    for change in changes {
        let names: Vec<&str> = change.policy.iter().map(|own| own.name.as_str()).collect();
        assert!(names.contains(&"timeout.request") && names.contains(&"retry.on"), "{change:#?}");
    }
    // A node that takes over has its own limits, which the requests meet from then on.
    let plan = change_of(BASE, &[("targets = { n0 = 1 }", "targets = { n1 = 1 }")], &[]);
    let gained: Vec<_> = plan.traffic.entries.iter().flat_map(|entry| &entry.changes).collect();
    assert!(!gained.is_empty());
    for change in gained {
        let names: Vec<&str> = change.policy.iter().map(|own| own.name.as_str()).collect();
        assert!(names.contains(&"timeout.request"), "{change:#?}");
        assert!(names.contains(&"tls.mode"), "{change:#?}");
        let [n0, n1] = ["n0", "n1"].map(|node| at(node, 9000));
        let moved = Some(Moved { from: BTreeSet::from([n0]), to: n1 });
        assert!(change.policy.iter().all(|own| own.moved == moved), "{change:#?}");
    }
}

fn at(node: &str, port: i64) -> NodePort {
    NodePort { node: NodeName::new(node).unwrap(), port: Port::new(port).unwrap() }
}

#[test]
fn requests_that_move_between_nodes_name_both_beside_each_value() {
    let more = r#"
[virtual_node.n2]
listeners = [{ port = 9000, protocol = "http", app = "127.0.0.1:19002", timeout = { request = "9s" }, http = { accept_http_10 = true } }]
discovery = { dns = "n2.internal" }
"#;
    let base = BASE.replace("targets = { n0 = 1 }", "targets = { n0 = 1, n1 = 1 }") + more;
    let after = base.replace("targets = { n0 = 1, n1 = 1 }", "targets = { n2 = 1 }");
    // The rules warn of nodes that share a route and are not protected alike.
    let read = |text: &str| {
        let id = Files::default().add("m.toml", text);
        meshctl::schema::read_mesh(&meshctl::schema::parse(id, text).0).mesh
    };
    let plan = planned(&live(&read(&base)), &read(&after), &[]);
    let moved = |from: &str| Some(Moved { from: [at(from, 9000)].into(), to: at("n2", 9000) });
    let time = |from: &str, before: &str| FactChange {
        name: "timeout.request".to_owned(),
        before: Some(before.to_owned()),
        after: Some("9s".to_owned()),
        moved: moved(from),
    };
    let gained: Vec<_> = plan.traffic.entries.iter().flat_map(|entry| &entry.changes).collect();
    assert!(!gained.is_empty());
    for change in gained {
        let times: Vec<_> = change.policy.iter().filter(|f| f.name == "timeout.request").collect();
        assert_eq!(times, [&time("n0", "15s"), &time("n1", "5s")], "{change:#?}");
        // What the two that lose requests have alike is said once.
        let both = |own: &&FactChange| own.moved.as_ref().is_some_and(|m| m.from.len() == 2);
        assert!(change.policy.iter().any(|own| both(&own)), "{change:#?}");
    }
    let shown =
        Shown { plan: &plan, findings: &[], files: None, absent: "", sources: &[], call: "" };
    let words = text::render(&shown, text::View::default());
    assert!(words.contains("5s at virtual_node/n1 -> 9s at virtual_node/n2"), "{words}");
    let table = report::plan_markdown(&shown, false);
    assert!(table.contains("timeout.request `5s` at virtual_node/n1"), "{table}");
    assert!(table.contains("timeout.request `9s` at virtual_node/n2"), "{table}");
    let schema = fs::read_to_string(root().join("schemas/plan.v1.schema.json")).unwrap();
    let schema = jsonschema::draft7::new(&serde_json::from_str(&schema).unwrap()).unwrap();
    let document = serde_json::from_str(&report::plan_document(&shown)).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&document).map(|e| e.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn settings_that_all_nodes_share_are_one_entry_whatever_the_size() {
    let mut base = String::from("[mesh]\nname = \"m\"\n\n[virtual_node.client]\nbackends = [");
    for at in 0..20 {
        base.push_str(&format!("\"s{at}.m\", "));
    }
    base.push_str("]\n");
    for at in 0..20 {
        base.push_str(&format!(
            "\n[virtual_service.\"s{at}.m\"]\nnode = \"n{at}\"\n\n[virtual_node.n{at}]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
             discovery = {{ dns = \"n{at}.internal\" }}\n"
        ));
    }
    let after = base.replace("name = \"m\"\n", "name = \"m\"\nip_preference = \"ipv6-only\"\n");
    let plan = planned(&live(&mesh(&base)), &mesh(&after), &[]);
    let policies = &plan.traffic.policies;
    // The nodes have one, and the caller toward all of its backends another.
    assert_eq!(policies.len(), 2, "{policies:#?}");
    for policy in policies {
        assert_eq!((policy.place_count, policy.entry_count, policy.classes), (20, 20, 20));
        assert_eq!(policy.caused_by.iter().map(ToString::to_string).collect::<Vec<_>>(), ["mesh"]);
    }
}

#[test]
fn all_listeners_that_lead_to_a_service_meet_what_one_of_them_gives_the_second_hop() {
    // `edge` has a second listener, which leads to the same service.
    let base = BASE
        .replace("[[virtual_gateway.edge.routes]]\nname = \"all\"\nmatch = { prefix = \"/\" }", EDGE)
        .replace("listeners = [{ port = 8080, protocol = \"http\", conn", "listeners = [{ port = 8443, protocol = \"http\" }, { port = 8080, protocol = \"http\", conn");
    const EDGE: &str = "[[virtual_gateway.edge.routes]]\nname = \"other\"\n\
        match = { prefix = \"/\", port = 8443 }\nservice = \"s.internal\"\n\n\
        [[virtual_gateway.edge.routes]]\nname = \"all\"\nmatch = { prefix = \"/\", port = 8080 }";
    let other = "{ port = 8443, protocol = \"http\" }";
    for (key, setting) in [
        ("patch = { inner_http = { server_name = \"x\" } }", "patch.inner_http"),
        ("http = { ignore_upgrades = [\"websocket\"] }", "http.ignore_upgrades"),
    ] {
        let with = other.replace(" }", &format!(", {key} }}"));
        let plan = change_of(&base, &[(other, &with)], &[]);
        let policy = of_second_hop(&plan);
        assert!(shown(policy).iter().any(|own| own.starts_with(setting)), "{policy:#?}");
        assert_eq!(policy.entry_count, 2, "both ports: {policy:#?}");
        assert_eq!(
            policy.caused_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["virtual_gateway/edge"]
        );
        // A route that leaves the service takes the settings of its listener with it.
        let patched = base.replace(other, &with);
        let gone = "port = 8443 }\nservice = \"s.internal\"";
        let moved = gone.replace("s.internal", "t.internal");
        let patched = format!("{patched}\n[virtual_service.\"t.internal\"]\nnode = \"n0\"\n");
        let plan = change_of(&patched, &[(gone, &moved)], &[]);
        let policy = of_second_hop(&plan);
        assert_eq!(policy.entry_count, 1, "{policy:#?}");
        let causes: Vec<String> = policy.caused_by.iter().map(ToString::to_string).collect();
        assert_eq!(causes, ["gateway_route/edge/other"], "{policy:#?}");
    }
}

/// What is said of the second hop of `edge`.
#[track_caller]
fn of_second_hop(plan: &Plan) -> &TrafficPolicy {
    let is = |place: &PolicyPlace| place.part.as_deref() == Some("service s.internal, port 8080");
    let found = plan.traffic.policies.iter().find(|policy| policy.places.iter().any(is));
    found.unwrap_or_else(|| panic!("{:#?}", plan.traffic.policies))
}

/// A caller of a service by TCP and of one by HTTP, found by names with several endpoints.
const TCP: &str = r#"
[mesh]
name = "m"

[virtual_node.front]
backends = ["db.internal"]

[virtual_service."db.internal"]
node = "db"

[virtual_node.db]
listeners = [{ port = 5432, protocol = "tcp" }]
discovery = { dns = { hostname = "db.internal.example", response_type = "endpoints" } }

[virtual_node.held]
listeners = [{ port = 5433, protocol = "tcp" }]
discovery = { registry = { namespace = "n", service = "held" } }

[virtual_service."held.internal"]
node = "held"
"#;

#[test]
fn a_setting_that_nothing_reads_is_no_change() {
    let base = TCP.replace("[\"db.internal\"]", "[\"db.internal\", \"held.internal\"]");
    let raw = "patch = { http = { server_name = \"x\" } }";
    for (from, to) in [
        // The default, written down.
        (
            "response_type = \"endpoints\"".to_owned(),
            "response_type = \"endpoints\", ip_preference = \"ipv6-preferred\"".to_owned(),
        ),
        // All instances of a registry are endpoints, in whatever order.
        (
            "service = \"held\"".to_owned(),
            "service = \"held\", ip_preference = \"ipv4-preferred\"".to_owned(),
        ),
        // TCP has no HTTP connection manager, at the caller or at the server.
        ("[virtual_node.front]\n".to_owned(), format!("[virtual_node.front]\n{raw}\n")),
        (
            "port = 5432, protocol = \"tcp\"".to_owned(),
            format!("port = 5432, protocol = \"tcp\", {raw}"),
        ),
    ] {
        let [before, after] = [base.clone(), base.replace(&from, &to)];
        assert_ne!(before, after, "{from}");
        let plan = planned(&live(&unchecked(&before)), &unchecked(&after), &[]);
        assert_eq!(plan.changes.len(), 1, "{to}");
        assert!(plan.traffic.policies.is_empty(), "{to}: {:#?}", plan.traffic.policies);
        // What is read is one.
        let read = |text: &str| {
            let text = text.replace("\"tcp\"", "\"http\"");
            text.replace("\"ipv6-preferred\"", "\"ipv4-only\"")
                .replace("\"ipv4-preferred\"", "\"ipv6-only\"")
        };
        let plan = planned(&live(&unchecked(&read(&before))), &unchecked(&read(&after)), &[]);
        assert_eq!(plan.traffic.policies.len(), 1, "{to}: {:#?}", plan.traffic.policies);
    }
}

/// A mesh that may have findings.
pub(crate) fn unchecked(text: &str) -> Mesh {
    use meshctl::load::{self, Options};
    let sandbox = crate::support::sandbox::Sandbox::with_mesh(text);
    let now = 1_767_225_600; // 2026-01-01
    let options = Options { dir: sandbox.path().to_path_buf(), env: None, extra: None, now };
    load::load(&options).unwrap().mesh
}
