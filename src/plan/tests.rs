//! Plans of small meshes.

use super::*;
use crate::compile::proxies;
use crate::envoy::ResourceType;
use crate::revision::{Entry, split};
use crate::schema::{parse, read_mesh};

pub(super) const SHOP: &str = r#"
[mesh]
name = "shop"
capture = "explicit"

[virtual_node.web]
backends = [{ service = "cart.internal", bind = 9001 }]

[virtual_node.cart-v1]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18081" }]
discovery = { static = ["127.0.0.11"] }

[virtual_node.cart-v2]
listeners = [{ port = 8080, protocol = "http", app = "127.0.0.1:18082" }]
discovery = { static = ["127.0.0.12"] }

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{ port = 8080, protocol = "http" }]

[[virtual_router.cart.routes]]
name = "all"
match = { prefix = "/" }
targets = { cart-v1 = 95, cart-v2 = 5 }
"#;

pub(super) fn mesh(text: &str) -> Mesh {
    let mut files = Files::default();
    let id = files.add("m.toml", text);
    let (tree, diagnostics) = parse(id, text);
    assert!(diagnostics.is_empty());
    let reading = read_mesh(&tree);
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    reading.mesh
}

pub(super) fn live(mesh: Mesh) -> Live {
    let entries = split(&mesh)
        .into_iter()
        .map(|(address, value)| {
            let object = ObjectId::of(&value);
            (address, Entry { object, owner: None, protected: false })
        })
        .collect();
    Live { revision: Some(1), mesh, entries }
}

pub(super) fn with<'a>(live: &'a Live, desired: &'a Mesh, settings: &'a Settings) -> Input<'a> {
    Input {
        target: Target { name: "t".into(), kind: "directory".into(), id: "x".into() },
        live,
        unrecorded: false,
        desired,
        owner: None,
        places: None,
        settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    }
}

fn plan_with(live: &Live, desired: &Mesh, change: impl FnOnce(&mut Input<'_>)) -> Plan {
    let settings = Settings::path("/root");
    let mut input = with(live, desired, &settings);
    change(&mut input);
    plan(&input).0
}

fn plan_of(live: &Live, desired: &Mesh) -> Plan {
    plan_with(live, desired, |_| ())
}

fn codes_of(live: &Live, desired: &Mesh) -> Vec<&'static str> {
    let settings = Settings::path("/root");
    plan(&with(live, desired, &settings)).1.iter().map(|d| d.code.id).collect()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// The live state after a plan.
fn applied(live: &Live, plan: &Plan) -> Live {
    Live {
        revision: Some(live.revision.unwrap_or(0) + 1),
        mesh: apply_changes(live, &plan.changes).unwrap(),
        entries: entries_after(live, &plan.changes),
    }
}

fn shown(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|c| format!("{} {}", c.action.symbol(), c.address)).collect()
}

fn kinds(plan: &Plan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind).collect()
}

#[test]
fn a_plan_from_a_mesh_to_itself_is_empty() {
    let plan = plan_of(&live(mesh(SHOP)), &mesh(SHOP));
    assert!(plan.is_empty() && plan.steps.is_empty());
}

#[test]
fn a_weight_shift_is_one_switch_of_one_route_configuration() {
    let desired = mesh(&SHOP.replace("95, cart-v2 = 5", "50, cart-v2 = 50"));
    let plan = plan_of(&live(mesh(SHOP)), &desired);
    assert_eq!(kinds(&plan), [StepKind::Switch]);
    assert_eq!(plan.counts(), "+0 ~1 -0");
    let change = &plan.changes[0];
    assert_eq!(change.address.to_string(), "route/cart/all");
    assert_eq!(change.cost, Cost::Nothing);
    assert_eq!(change.edits.len(), 2);
    assert_eq!(change.edits[0].path, "targets[cart-v1].weight");
    assert_eq!(change.proxies.len(), 1);
    assert!(change.envoy.iter().all(|r| r.kind == ResourceType::RouteConfiguration));
}

#[test]
fn a_swap_of_nodes_adds_then_switches_then_removes() {
    let desired = mesh(&SHOP.replace("cart-v2", "cart-v3").replace("127.0.0.12", "127.0.0.13"));
    let plan = plan_of(&live(mesh(SHOP)), &desired);
    assert_eq!(kinds(&plan), [StepKind::Add, StepKind::Switch, StepKind::Remove]);
    assert_eq!(plan.counts(), "+1 ~1 -1");
}

#[test]
fn the_digest_is_of_the_change_and_of_nothing_else() {
    let desired = mesh(&SHOP.replace("95, cart-v2 = 5", "50, cart-v2 = 50"));
    let one = plan_of(&live(mesh(SHOP)), &desired);
    let two = plan_of(&live(mesh(SHOP)), &desired);
    assert_eq!(one.digest, two.digest);
    let other = mesh(&SHOP.replace("95, cart-v2 = 5", "51, cart-v2 = 49"));
    assert_ne!(plan_of(&live(mesh(SHOP)), &other).digest, one.digest);
    assert_eq!(digest_matches(short(&one.digest), &one.digest), Some(true));
    assert_eq!(digest_matches("p2-0123456789abcdef", &one.digest), None);
}

#[test]
fn guards_refuse_and_name_the_flag_that_consents() {
    let empty = mesh("[mesh]\nname = \"shop\"\n");
    let plan = plan_of(&live(mesh(SHOP)), &empty);
    let flags: Vec<&str> = plan.refusals().map(|refusal| refusal.consent.as_str()).collect();
    assert!(flags.contains(&"--allow-empty"), "{flags:?}");
    let unprovided = mesh(&SHOP.replace("router = \"cart\"", ""));
    let plan = plan_of(&live(mesh(SHOP)), &unprovided);
    let flags: Vec<&str> = plan.refusals().map(|refusal| refusal.consent.as_str()).collect();
    assert_eq!(flags, ["--accept MC0906@virtual_service/cart.internal"]);
}

#[test]
fn after_a_plan_was_applied_the_next_is_empty() {
    let variants = [
        SHOP.to_owned(),
        SHOP.replace("cart-v2", "cart-v3"),
        SHOP.replace("router = \"cart\"", "node = \"cart-v1\""),
        SHOP.replace("name = \"all\"", "name = \"every\""),
        "[mesh]\nname = \"shop\"\n".to_owned(),
    ];
    for from in &variants {
        for to in &variants {
            let (before, desired) = (live(mesh(from)), mesh(to));
            let plan = plan_of(&before, &desired);
            let after = applied(&before, &plan);
            assert_eq!(after.mesh, desired);
            assert_eq!(
                after.entries.keys().collect::<Vec<_>>(),
                split(&desired).keys().collect::<Vec<_>>()
            );
            assert!(plan_of(&after, &desired).is_empty());
        }
    }
    let nothing = Live::default();
    let plan = plan_of(&nothing, &mesh(SHOP));
    assert!(plan_of(&applied(&nothing, &plan), &mesh(SHOP)).is_empty());
}

#[test]
fn a_saved_plan_reads_back_and_a_tampered_one_does_not() {
    let plan = plan_of(&live(mesh(SHOP)), &mesh(&SHOP.replace("cart-v2", "cart-v3")));
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(Plan::from_json(&text).unwrap(), plan);
    let tampered = text.replace("\"weight\":95", "\"weight\":9");
    assert_ne!(tampered, text);
    assert!(Plan::from_json(&tampered).unwrap_err().contains("changed by hand"));
    assert!(Plan::from_json("{}").is_err());
    let version = format!("\"format_version\":\"{FORMAT_VERSION}\"");
    assert!(text.contains(&version));
    let later = text.replace(&version, "\"format_version\":\"2.0\"");
    assert!(Plan::from_json(&later).unwrap_err().contains("plan again"));
}

#[test]
fn a_plan_is_stale_only_by_what_it_read() {
    let base = SHOP.replace(
        "[virtual_router.cart]",
        "[virtual_node.lonely]\n[virtual_service.\"idle.internal\"]\n[virtual_router.cart]",
    );
    let before = live(mesh(&base));
    let plan = plan_of(&before, &mesh(&base.replace("95, cart-v2 = 5", "50, cart-v2 = 50")));
    assert!(plan.stale(&before).is_empty());
    let elsewhere = live(mesh(
        &base.replace("[virtual_node.lonely]", "[virtual_node.lonely]\ntags = { a = \"b\" }"),
    ));
    assert!(plan.stale(&elsewhere).is_empty());
    let moved = live(mesh(&base.replace("127.0.0.12", "127.0.0.13")));
    let stale = plan.stale(&moved);
    assert_eq!(stale.len(), 1);
    assert_eq!(stale[0].address, address("virtual_node/cart-v2"));
}

#[test]
fn resources_of_others_stay_and_are_not_changed_without_consent() {
    let mut before = live(mesh(SHOP));
    for (at, entry) in &mut before.entries {
        entry.owner =
            Some(if at.to_string().contains("cart") { "team-cart" } else { "team-web" }.into());
    }
    let mine = mesh(
        "[mesh]\nname = \"shop\"\ncapture = \"explicit\"\n[virtual_node.web]\n\
         backends = [{ service = \"cart.internal\", bind = 9001 }]\ntags = { a = \"b\" }\n\
         [virtual_node.cart-v2]\ntags = { a = \"b\" }\n",
    );
    let plan = plan_with(&before, &mine, |input| input.owner = Some("team-web"));
    assert_eq!(shown(&plan), ["~ virtual_node/cart-v2", "~ virtual_node/web"]);
    let refusals: Vec<&str> = plan.refusals().map(|r| r.consent.as_str()).collect();
    assert_eq!(refusals, ["--take-ownership virtual_node/cart-v2"]);
    let plan = plan_with(&before, &mine, |input| {
        input.owner = Some("team-web");
        input.consent.take_ownership.insert(address("virtual_node/cart-v2"));
    });
    assert_eq!(plan.refusals().count(), 0);
    let after = applied(&before, &plan);
    assert_eq!(after.entries[&address("virtual_node/cart-v2")].owner.as_deref(), Some("team-web"));
    assert!(after.mesh.routers.contains_key("cart"));
}

#[test]
fn what_belongs_to_nobody_is_taken_on() {
    let before = live(mesh(SHOP));
    let plan = plan_with(&before, &mesh(SHOP), |input| input.owner = Some("me"));
    assert!(plan.changes.iter().all(|change| change.action == Action::Mark));
    assert_eq!(plan.refusals().count(), 0);
    let after = applied(&before, &plan);
    assert!(plan_with(&after, &mesh(SHOP), |input| input.owner = Some("me")).is_empty());
}

#[test]
fn protection_outlives_the_block_and_its_entry() {
    let before = live(mesh(SHOP));
    let node = address("virtual_node/cart-v2");
    let protect = |input: &mut Input<'_>| {
        input.guards.protected.insert(address("virtual_node/cart-v2"));
    };
    let plan = plan_with(&before, &mesh(SHOP), protect);
    assert_eq!(shown(&plan), ["~ virtual_node/cart-v2"]);
    assert_eq!(plan.changes[0].edits[0].path, "(protected)");
    let before = applied(&before, &plan);
    assert!(before.entries[&node].protected);
    let less = SHOP.replace("targets = { cart-v1 = 95, cart-v2 = 5 }", "targets = { cart-v1 = 1 }");
    let start = less.find("[virtual_node.cart-v2]").unwrap();
    let end = less.find("[virtual_service.").unwrap();
    let gone = mesh(&format!("{}{}", &less[..start], &less[end..]));
    let plan = plan_of(&before, &gone);
    let codes: Vec<&str> = plan.refusals().map(|r| r.code.as_str()).collect();
    assert_eq!(codes, ["MC0904"]);
    let plan = plan_with(&before, &gone, |input| input.scope.keep_removed = true);
    assert_eq!(plan.refusals().count(), 0);
    let before = applied(&before, &plan);
    let plan = plan_of(&before, &gone);
    assert_eq!((plan.refusals().count(), plan.counts()), (0, "+0 ~0 -1".to_owned()));
}

#[test]
fn a_narrowed_plan_takes_along_what_would_dangle() {
    let before = live(mesh(SHOP));
    let desired = mesh(&SHOP.replace("cart-v2", "cart-v3").replace("bind = 9001", "bind = 9002"));
    let plan = plan_with(&before, &desired, |input| {
        input.scope.only.insert(address("route/cart/all"));
    });
    assert_eq!(shown(&plan), ["+ virtual_node/cart-v3", "~ route/cart/all"]);
    assert_eq!(plan.pulled_in.len(), 1);
    assert!(!plan.complete);
    let plan = plan_with(&before, &desired, |input| {
        input.scope.only.insert(address("virtual_node/cart-v2"));
    });
    assert_eq!(
        shown(&plan),
        ["- virtual_node/cart-v2", "+ virtual_node/cart-v3", "~ route/cart/all"]
    );
    applied(&before, &plan);
}

#[test]
fn large_deletes_and_updates_need_consent_for_their_size() {
    let nodes = |range: std::ops::Range<u32>, tag: &str| {
        let list = range.map(|n| format!("[virtual_node.n{n}]\ntags = {{ t = \"{tag}\" }}\n"));
        mesh(&format!("[mesh]\nname = \"m\"\n{}", list.collect::<String>()))
    };
    let before = live(nodes(0..20, "a"));
    let plan = plan_of(&before, &nodes(8..20, "a"));
    let flags: Vec<&str> = plan.refusals().map(|r| r.consent.as_str()).collect();
    assert_eq!(flags, ["--allow-deletes 8"]);
    let fine = plan_with(&before, &nodes(8..20, "a"), |i| i.consent.deletes = Some(8));
    assert_eq!(fine.refusals().count(), 0);
    let fewer = plan_with(&before, &nodes(7..20, "a"), |i| i.consent.deletes = Some(6));
    assert_eq!(fewer.refusals().count(), 1);
    let plan = plan_of(&before, &nodes(0..20, "b"));
    let flags: Vec<&str> = plan.refusals().map(|r| r.consent.as_str()).collect();
    assert_eq!(flags, ["--allow-updates 20"]);
    assert_eq!(plan_of(&before, &nodes(0..20, "a")).refusals().count(), 0);
}

#[test]
fn changes_under_users_are_findings() {
    let before = live(mesh(SHOP));
    let http2 = SHOP.replacen("protocol = \"http\", app", "protocol = \"http2\", app", 1);
    assert_eq!(codes_of(&before, &mesh(&http2)), ["MC0803"]);
    let strict = SHOP.replacen(
        "app = \"127.0.0.1:18081\"",
        "app = \"127.0.0.1:18081\", tls = { mode = \"strict\", certificate = { sds = \"c\" } }",
        1,
    );
    assert_eq!(codes_of(&before, &mesh(&strict)), ["MC0804"]);
    let permissive = strict.replace("strict", "permissive");
    assert!(codes_of(&before, &mesh(&permissive)).is_empty());
    assert!(codes_of(&live(mesh(&permissive)), &mesh(&strict)).is_empty());
    let rolled = |server: &str, trust: &str| {
        let tls = format!(
            "app = \"127.0.0.1:18081\", tls = {{ mode = \"strict\", certificate = {{ sds = \
             \"{server}\" }} }}"
        );
        let policy = format!(
            "[virtual_node.web]\nbackend_defaults = {{ client_policy = {{ tls = {{ validation = {{ \
             trust = {{ sds = \"{trust}\" }}, subject_alternative_names = [\"cart\"] }} }} }} }}"
        );
        let served = SHOP.replacen("app = \"127.0.0.1:18081\"", &tls, 1);
        mesh(&served.replacen("[virtual_node.web]", &policy, 1))
    };
    let tls = live(rolled("old", "old"));
    assert_eq!(codes_of(&tls, &rolled("new", "new")), ["MC0806"]);
    assert!(codes_of(&tls, &rolled("old", "both")).is_empty());
    assert!(codes_of(&live(rolled("old", "both")), &rolled("new", "both")).is_empty());
    let probed = SHOP.replacen(
        "app = \"127.0.0.1:18081\"",
        "app = \"127.0.0.1:18081\", health_check = { protocol = \"tcp\", interval = \"5s\", \
         timeout = \"2s\", healthy_threshold = 2, unhealthy_threshold = 2 }",
        1,
    );
    assert_eq!(codes_of(&before, &mesh(&probed)), ["MC0805"]);
    let renamed = mesh(&SHOP.replace("cart-v2", "cart-v3"));
    assert_eq!(codes_of(&before, &renamed), ["MC0802"]);
    let other = mesh(&SHOP.replace("name = \"shop\"", "name = \"shop2\""));
    assert!(codes_of(&before, &other).contains(&"MC0801"));
}

#[test]
fn costs_are_those_that_were_measured() {
    let before = live(mesh(SHOP));
    let cost = |text: &str| plan_of(&before, &mesh(text)).summary.cost;
    assert_eq!(cost(&SHOP.replace("95, cart-v2 = 5", "1, cart-v2 = 1")), Cost::Nothing);
    assert_eq!(cost(&SHOP.replace("127.0.0.12", "127.0.0.13")), Cost::Nothing);
    let swap = plan_of(&before, &mesh(&SHOP.replace("cart-v2", "cart-v3")));
    let costs = &swap.summary.costs;
    // The caller loses a cluster; the proxy that goes away loses what it listened on.
    assert_eq!((costs[&Cost::UpstreamClose], costs[&Cost::ListenerDrain]), (1, 1));
    let limited = SHOP.replacen(
        "app = \"127.0.0.1:18081\"",
        "app = \"127.0.0.1:18081\", outlier_detection = { max_server_errors = 5, interval = \"1s\", \
         base_ejection_duration = \"1s\", max_ejection_percent = 50 }",
        1,
    );
    assert_eq!(cost(&limited), Cost::UpstreamReconnect);
    let logged = SHOP.replace(
        "[virtual_node.web]",
        "[virtual_node.web]\naccess_log = { path = \"/dev/stdout\" }",
    );
    assert_eq!(cost(&logged), Cost::ChainDrain);
    assert_eq!(cost(&SHOP.replace("bind = 9001", "bind = 9002")), Cost::ListenerDrain);
}

#[test]
fn a_server_listens_on_a_new_port_before_its_callers_use_it() {
    let moved = SHOP.replacen(
        "port = 8080, protocol = \"http\", app",
        "port = 8090, protocol = \"http\", app",
        1,
    );
    let (from, to) = (mesh(SHOP), mesh(&moved));
    let settings = Settings::path("/root");
    let affected = proxies(&to).into_iter().collect();
    let steps = steps(&from, &to, &settings, &affected);
    let server: ProxyId = "virtual_node/cart-v1".parse().unwrap();
    let listeners = |step: &Step| -> Vec<String> {
        let config = step.after[&server].clone().unwrap();
        config.of(ResourceType::Listener).map(|listener| listener.name.clone()).collect()
    };
    assert_eq!(listeners(&steps[0]).len(), 2);
    assert_eq!(listeners(steps.last().unwrap()), ["lds_ingress_0.0.0.0_8090"]);
    let caller: ProxyId = "virtual_node/web".parse().unwrap();
    let routes = |step: &Step| {
        let config = step.after[&caller].clone().unwrap();
        let list: Vec<String> =
            config.of(ResourceType::RouteConfiguration).map(|r| r.version.clone()).collect();
        list
    };
    assert_ne!(routes(&steps[0]), routes(&steps[1]));
}

#[test]
fn callers_find_a_node_elsewhere_at_the_switch() {
    let bound = |address: &str, port: u16| {
        let at = format!(
            "port = {port}, protocol = \"http\", address = \"{address}\", app = \"127.0.0.1:18082\""
        );
        SHOP.replace("port = 8080, protocol = \"http\", app = \"127.0.0.1:18082\"", &at)
            .replace("127.0.0.12", address)
    };
    let changes = |from: &str, to: &str| -> Vec<String> {
        let plan = plan_of(&live(mesh(from)), &mesh(to));
        let step = |step: &PlannedStep| {
            let all = step.proxies.values().flatten();
            let words = all.map(|c| format!("{:?} {}", c.action, c.kind)).collect::<Vec<_>>();
            format!("{}: {}", step.kind.as_str(), words.join(", "))
        };
        plan.steps.iter().map(step).collect()
    };
    let moved = changes(&bound("127.0.0.12", 8080), &bound("127.0.0.13", 8080));
    assert_eq!(moved, ["add: Add lds", "switch: Change eds", "remove: Remove lds"]);
    // Endpoints that come and go need no step but the switch.
    let more = SHOP.replace("\"127.0.0.12\"", "\"127.0.0.12\", \"127.0.0.13\"");
    assert_eq!(changes(SHOP, &more), ["switch: Change eds"]);
    assert_eq!(changes(&more, SHOP), ["switch: Change eds"]);
    // Another port leaves the listener in use as it is until nobody uses it.
    let ported = changes(&bound("127.0.0.12", 8080), &bound("127.0.0.12", 8081));
    assert_eq!(
        ported,
        [
            "add: Add lds, Add rds, Add cds, Add cds, Add eds",
            "switch: Change rds",
            "remove: Remove lds, Remove rds, Remove cds, Remove cds, Remove eds"
        ]
    );
}

#[test]
fn the_short_way_to_the_reach_of_changes_is_that_of_the_index() {
    let mesh = mesh(include_str!("../../tests/cases/plan/gateway/live.toml"));
    let index = crate::compile::Index::new(&mesh);
    let mut seen = BTreeSet::new();
    for address in mesh.addresses() {
        let reached = crate::compile::reach_of(&mesh, &BTreeSet::from([&address]));
        assert_eq!(reached, index.reach(&address), "{address}");
        seen.extend(reached);
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn many_proxies_are_planned_as_few_are() {
    let nodes = |count: usize, port: u16| {
        let list = (0..count).map(|n| {
            format!(
                "[virtual_node.n{n}]\nlisteners = [{{ port = {port}, protocol = \"http\" }}]\n\
                 discovery = {{ static = [\"127.0.0.1\"] }}\n"
            )
        });
        mesh(&format!("[mesh]\nname = \"m\"\n{}", list.collect::<String>()))
    };
    let (before, after) = (live(nodes(100, 80)), nodes(100, 81));
    let plan = plan_of(&before, &after);
    let settings = Settings::path("/root");
    let affected = proxies(&after).into_iter().collect();
    let steps = steps(&before.mesh, &after, &settings, &affected);
    assert_eq!(kinds(&plan), steps.iter().map(|step| step.kind).collect::<Vec<_>>());
    for (planned, step) in plan.steps.iter().zip(&steps) {
        assert_eq!(
            planned.proxies.keys().collect::<Vec<_>>(),
            step.after.keys().collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_port_takes_tls_and_plain_text_until_its_callers_have_changed_over() {
    let tls = "tls = { mode = \"strict\", certificate = { file = { chain = \"/c\", key = \"/k\" } }, \
               validation = { trust = { file = \"/ca\" } } }";
    let secured =
        SHOP.replacen("app = \"127.0.0.1:18081\"", &format!("app = \"127.0.0.1:18081\", {tls}"), 1);
    let (plain, strict) = (mesh(SHOP), mesh(&secured));
    let settings = Settings::path("/root");
    let server: ProxyId = "virtual_node/cart-v1".parse().unwrap();
    for (from, to) in [(&plain, &strict), (&strict, &plain)] {
        let affected = proxies(to).into_iter().collect();
        let steps = steps(from, to, &settings, &affected);
        let kinds: Vec<StepKind> = steps.iter().map(|step| step.kind).collect();
        assert_eq!(kinds, [StepKind::Add, StepKind::Switch, StepKind::Remove]);
        let chains = |config: &Option<std::sync::Arc<crate::envoy::ProxyConfig>>| -> String {
            let config = config.clone().unwrap();
            let text: Vec<String> = config
                .of(ResourceType::Listener)
                .map(|listener| listener.to_json().to_yaml())
                .collect();
            text.concat()
        };
        let add = chains(&steps[0].after[&server]);
        assert!(add.contains("raw_buffer") && add.contains("transport_socket"), "{add}");
        // The server has its last form only after its callers have theirs.
        assert!(!steps[1].after.contains_key(&server) || chains(&steps[1].after[&server]) == add);
        assert!(!chains(&steps[2].after[&server]).contains("raw_buffer"));
        // No certificate is asked of callers that have none yet.
        let asks = add.contains("require_client_certificate");
        assert_eq!(asks, std::ptr::eq(from, &raw const strict));
    }
}
