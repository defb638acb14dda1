//! Retry policies, in App Mesh's events.

use super::{Dump, Fields};
use crate::import::tree::Node;
use crate::traffic::defaults::{RETRIES, RETRY_CODES, RETRY_ON};
use std::collections::BTreeSet;

/// What makes Envoy look at the statuses of a policy.
const BY_STATUS: &str = "retriable-status-codes";

/// An event of App Mesh, with the words and the statuses that its agent made of it.
struct Event {
    list: &'static str,
    name: &'static str,
    words: &'static [&'static str],
    codes: &'static [u32],
}

const fn event(
    list: &'static str,
    name: &'static str,
    words: &'static [&'static str],
    codes: &'static [u32],
) -> Event {
    Event { list, name, words, codes }
}

/// Every event. Of two whose statuses are there, the one with more of them is meant.
const EVENTS: [Event; 10] = [
    event(
        "httpRetryEvents",
        "server-error",
        &["reset"],
        &[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
    ),
    event("httpRetryEvents", "gateway-error", &["reset"], &[502, 503, 504]),
    event("httpRetryEvents", "client-error", &[], &[409]),
    event("httpRetryEvents", "stream-error", &["refused-stream"], &[]),
    event("tcpRetryEvents", "connection-error", &["connect-failure"], &[]),
    event("grpcRetryEvents", "cancelled", &["cancelled"], &[]),
    event("grpcRetryEvents", "deadline-exceeded", &["deadline-exceeded"], &[]),
    event("grpcRetryEvents", "internal", &["internal"], &[]),
    event("grpcRetryEvents", "resource-exhausted", &["resource-exhausted"], &[]),
    event("grpcRetryEvents", "unavailable", &["unavailable"], &[]),
];

impl Dump<'_, '_> {
    /// The retry policy of a route; `None` is the default one. A route without a policy never retries.
    pub(super) fn retry(&mut self, action: &Node) -> Option<Node> {
        let mut all = Fields::new(action.loc);
        let none = Node::map(action.loc, vec![("value", Node::scalar(action.loc, "0"))]);
        let Some(node) = action.get("retry_policy") else {
            all.text("maxRetries", "0").set("perRetryTimeout", none);
            return Some(all.done());
        };
        let words: BTreeSet<&str> = node
            .text_at("retry_on")
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect();
        let listed = node.get("retriable_status_codes").map(Node::items).unwrap_or_default();
        let codes: BTreeSet<u32> =
            listed.iter().filter_map(|code| code.text()?.parse().ok()).collect();
        let retries = node.text_at("num_retries").unwrap_or("1");
        let default: BTreeSet<&str> = RETRY_ON.into_iter().chain([BY_STATUS]).collect();
        if words == default
            && codes.iter().eq(&RETRY_CODES)
            && retries == RETRIES.to_string()
            && !node.has("per_try_timeout")
        {
            return None;
        }
        let mut events: Vec<&Event> = Vec::new();
        for event in &EVENTS {
            let there = event.words.iter().all(|word| words.contains(word))
                && event.codes.iter().all(|code| codes.contains(code));
            let part = events.iter().any(|known| {
                !event.codes.is_empty() && event.codes.iter().all(|code| known.codes.contains(code))
            });
            if there && !part {
                events.push(event);
            }
        }
        self.beyond(node, &words, &codes, &events);
        for list in ["httpRetryEvents", "tcpRetryEvents", "grpcRetryEvents"] {
            let own: Vec<Node> = events
                .iter()
                .filter(|event| event.list == list)
                .map(|event| Node::scalar(node.loc, event.name))
                .collect();
            if !own.is_empty() {
                all.set(list, Node::list(node.loc, own));
            }
        }
        all.text("maxRetries", retries);
        let limit =
            node.get("per_try_timeout").and_then(|limit| self.length(limit, "per_try_timeout"));
        all.set("perRetryTimeout", limit.unwrap_or(none));
        Some(all.done())
    }

    /// Reports what a policy retries and the events do not, and the other way round.
    fn beyond(
        &mut self,
        node: &Node,
        words: &BTreeSet<&str>,
        codes: &BTreeSet<u32>,
        events: &[&Event],
    ) {
        let of_events: BTreeSet<&str> =
            events.iter().flat_map(|event| event.words).copied().collect();
        let odd = |word: &&&str| !of_events.contains(**word) && **word != BY_STATUS;
        let odd: Vec<&str> = words.iter().filter(odd).copied().collect();
        if !odd.is_empty() {
            let message = format!("`{}` is no retry event of App Mesh", odd.join(","));
            self.unread(node, "retry_policy.retry_on", &message);
        }
        let of_events: BTreeSet<u32> =
            events.iter().flat_map(|event| event.codes).copied().collect();
        let odd: Vec<String> = codes.difference(&of_events).map(u32::to_string).collect();
        if !odd.is_empty() {
            let message =
                format!("statuses that are no retry event of App Mesh: {}", odd.join(", "));
            self.unread(node, "retry_policy.retriable_status_codes", &message);
        }
        if !words.contains(BY_STATUS) && !codes.is_empty() {
            self.unread(
                node,
                "retry_policy.retriable_status_codes",
                "have no effect without their word",
            );
        }
    }
}
