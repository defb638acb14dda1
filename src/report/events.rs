//! What happens during an apply, as lines for people and as JSON objects, one a line.

use super::Ui;
use crate::apply::{Event, ProxyState, Rejection};
use crate::envoy::ProxyId;
use crate::live::admin::Silence;
use crate::model::Address;
use crate::plan::codes::UNVERIFIED_TARGET;
use crate::plan::{Wave, short};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Finds the line of the files that a part of a resource comes from, as `path:line`.
pub type Place<'a> = &'a dyn Fn(&Address, &str) -> Option<String>;

/// Says what happened, on stderr.
pub fn tell(ui: &Ui, event: &Event, place: Place<'_>) {
    match event.is_warning() {
        true => ui.warning(&words(event, place)),
        false => ui.status(&words(event, place)),
    }
}

/// An event in words: one line, without a final newline.
pub fn words(event: &Event, place: Place<'_>) -> String {
    match event {
        Event::Resume { revision, done, .. } => {
            format!("Resuming revision {revision} after step {done}.")
        }
        Event::Commit { revision, plan } => {
            format!("Committed revision {revision} (plan {}).", short(plan))
        }
        Event::Step { number, of, kind, wave, proxies, .. } => {
            let wave = match wave {
                Wave::All => "",
                Wave::Canary => ", canary",
                Wave::Rest => ", the others",
            };
            format!("Step {number}/{of} {kind}{wave}: {}.", count(*proxies, "proxy", "proxies"))
        }
        Event::Proxy { proxy, state } => match state {
            ProxyState::Acked => format!("{proxy} acknowledged it."),
            ProxyState::Refused(rejection) => refusal(rejection, place),
            ProxyState::Silent(Silence::Gone) => {
                format!("{proxy} is not running; it gets this when it starts.")
            }
            ProxyState::Silent(Silence::NoAnswer) => format!("{proxy} does not answer."),
            ProxyState::Late { lacks } => {
                format!("{proxy} timed out: {}.", lacks.join(", "))
            }
        },
        Event::Settle { time, proxies } => {
            let who = count(*proxies, "proxy", "proxies");
            format!("Waiting {} ms for {who} without an admin address.", time.as_millis())
        }
        Event::Drain { time } => {
            format!("Waiting {} s for open streams to removed targets.", time.as_secs_f64())
        }
        Event::Watch { time } => {
            format!("Watching the canary for {} s.", time.as_secs_f64())
        }
        Event::StepDone { number, proven, proxies, .. } => {
            format!("Step {number} done: verified on {proven} of {proxies}.")
        }
        Event::Unverified { nodes } => {
            format!("{}: {}.", UNVERIFIED_TARGET.id, not_verified(nodes))
        }
        Event::Missing { targets, accepted } => {
            let end = match accepted {
                true => "; accepted",
                false => "; stopping before the switch",
            };
            format!("{}{end}.", list(targets.iter()))
        }
        Event::NoCanary {} => "--canary and --canary-wait have no effect: each step reaches \
                               only the proxies that go first."
            .to_owned(),
        Event::Rollback { revision, to, removes } => {
            let removes = match removes.is_empty() {
                true => String::new(),
                false => {
                    let what = list(removes.iter());
                    format!("; this removes what the rejected revision added: {what}")
                }
            };
            format!("Rolling back to revision {to}, as revision {revision}{removes}.")
        }
    }
}

/// A refusal: who, what, where it comes from, and why.
pub fn refusal(rejection: &Rejection, place: Place<'_>) -> String {
    let Rejection { proxy, kind, resources, reason } = rejection;
    let mut text = format!("{proxy} rejected {kind}");
    for (at, suspect) in resources.iter().enumerate() {
        text.push_str(if at == 0 { ": " } else { " or " });
        text.push_str(&suspect.name);
        if let Some((address, pointer)) = suspect.origins.first() {
            match place(address, pointer) {
                Some(place) => text.push_str(&format!(" ({place})")),
                None => text.push_str(&format!(" (of {address})")),
            }
        }
    }
    match reason {
        Some(reason) => text.push_str(&format!(": {reason}")),
        None => text.push_str("; Envoy logged the reason (\"config update rejected\")"),
    }
    text
}

/// That nothing can tell whether nodes can serve what they gain. `plan` says the same beforehand.
pub fn not_verified(nodes: &BTreeSet<ProxyId>) -> String {
    format!("not verified whether {} can serve the requests of this switch", list(nodes.iter()))
}

fn list(items: impl Iterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    items.join(", ")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// An event as JSON, for `--format ndjson`. A reader that knows none of the types can still show
/// `message`.
pub fn ndjson(event: &Event, place: Place<'_>) -> Value {
    let mut object = match event {
        Event::Resume { revision, plan, done } => {
            json!({ "type": "resume", "revision": revision, "plan": plan, "done": done })
        }
        Event::Commit { revision, plan } => {
            json!({ "type": "commit", "revision": revision, "plan": plan })
        }
        Event::Step { revision, number, of, kind, wave, proxies } => json!({
            "type": "step_start", "revision": revision, "step": number, "steps": of,
            "kind": kind, "wave": wave, "proxies": proxies,
        }),
        Event::Proxy { proxy, state } => {
            let mut object = json!({ "type": "proxy", "proxy": proxy });
            match state {
                ProxyState::Acked => object["state"] = json!("acked"),
                ProxyState::Refused(rejection) => {
                    object["state"] = json!("nacked");
                    object["rejection"] = rejection_json(rejection, place);
                }
                ProxyState::Silent(Silence::Gone) => object["state"] = json!("gone"),
                ProxyState::Silent(Silence::NoAnswer) => object["state"] = json!("unreachable"),
                ProxyState::Late { lacks } => {
                    object["state"] = json!("stale");
                    object["lacks"] = json!(lacks);
                }
            }
            object
        }
        Event::Settle { time, proxies } => json!({
            "type": "settle", "milliseconds": time.as_millis() as u64, "proxies": proxies,
        }),
        Event::Drain { time } => json!({
            "type": "drain", "milliseconds": time.as_millis() as u64,
        }),
        Event::Watch { time } => json!({
            "type": "canary_wait", "milliseconds": time.as_millis() as u64,
        }),
        Event::StepDone { number, wave, proven, proxies } => json!({
            "type": "step_done", "step": number, "wave": wave, "proven": proven, "proxies": proxies,
        }),
        Event::Unverified { nodes } => json!({
            "type": "unverified", "code": UNVERIFIED_TARGET.id, "nodes": nodes,
        }),
        Event::Missing { targets, accepted } => json!({
            "type": "missing", "targets": targets, "accepted": accepted,
        }),
        Event::NoCanary {} => json!({ "type": "no_canary" }),
        Event::Rollback { revision, to, removes } => json!({
            "type": "rollback", "revision": revision, "to": to, "removes": removes,
        }),
    };
    object["v"] = json!(1);
    object["message"] = json!(words(event, place));
    object
}

/// A refusal as JSON.
pub fn rejection_json(rejection: &Rejection, place: Place<'_>) -> Value {
    let Rejection { proxy, kind, resources, reason } = rejection;
    let resources: Vec<Value> = resources
        .iter()
        .map(|suspect| {
            let origins: Vec<Value> = suspect
                .origins
                .iter()
                .map(|(address, pointer)| {
                    json!({
                        "address": address,
                        "pointer": pointer,
                        "place": place(address, pointer),
                    })
                })
                .collect();
            json!({ "name": suspect.name, "origins": origins })
        })
        .collect();
    json!({ "proxy": proxy, "type": kind, "resources": resources, "reason": reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::{Missing, Suspect, Why};
    use crate::envoy::ResourceType;
    use std::collections::BTreeSet;

    fn rejection(reason: Option<&str>) -> Rejection {
        Rejection {
            proxy: "virtual_node/web".parse().unwrap(),
            kind: ResourceType::Listener,
            resources: vec![Suspect {
                name: "lds_ingress_127.0.0.1_80".to_owned(),
                origins: vec![("virtual_node/web".parse().unwrap(), "/listeners/0".to_owned())],
            }],
            reason: reason.map(str::to_owned),
        }
    }

    #[test]
    fn a_refusal_names_proxy_resource_line_and_reason() {
        let place = |_: &Address, pointer: &str| {
            (pointer == "/listeners/0").then(|| "mesh.toml:7".to_owned())
        };
        assert_eq!(
            refusal(&rejection(Some("cannot bind")), &place),
            "virtual_node/web rejected lds: lds_ingress_127.0.0.1_80 (mesh.toml:7): cannot bind"
        );
        let nowhere = |_: &Address, _: &str| None;
        assert_eq!(
            refusal(&rejection(None), &nowhere),
            "virtual_node/web rejected lds: lds_ingress_127.0.0.1_80 (of virtual_node/web); Envoy \
             logged the reason (\"config update rejected\")"
        );
    }

    #[test]
    fn every_json_event_has_a_version_a_type_and_a_message() {
        let nowhere = |_: &Address, _: &str| None;
        let proxy: ProxyId = "virtual_node/web".parse().unwrap();
        let states = [
            ProxyState::Acked,
            ProxyState::Refused(rejection(None)),
            ProxyState::Silent(Silence::Gone),
            ProxyState::Silent(Silence::NoAnswer),
            ProxyState::Late { lacks: vec!["lds".to_owned()] },
        ];
        let mut events: Vec<Event> =
            states.into_iter().map(|state| Event::Proxy { proxy: proxy.clone(), state }).collect();
        events.push(Event::Commit { revision: 2, plan: "p1-0".to_owned() });
        let node: Address = "virtual_node/web".parse().unwrap();
        events.push(Event::Rollback { revision: 3, to: 1, removes: vec![node] });
        events.push(Event::Unverified { nodes: BTreeSet::from([proxy.clone()]) });
        let missing = Missing {
            route: "route/cart/all".parse().unwrap(),
            node: crate::model::NodeName::new("cart").unwrap(),
            port: crate::model::Port::new(80).unwrap(),
            why: Why::NotRunning,
            selector: None,
            gives_up: BTreeSet::new(),
        };
        events.push(Event::Missing { targets: vec![missing], accepted: false });
        events.push(Event::NoCanary {});
        for event in events {
            let object = ndjson(&event, &nowhere);
            assert_eq!(object["v"], 1);
            assert!(object["type"].is_string() && object["message"].is_string(), "{object}");
            assert!(!object["message"].as_str().unwrap().contains('\n'));
        }
    }
}
