//! The statistics of an Envoy's subscriptions.

use super::Expected;
use crate::envoy::{ResourceType, file_stem};
use std::collections::{BTreeMap, BTreeSet};

/// What a subscription is of. Listeners and clusters come as whole sets, without a name; the others
/// are named as their file is, which is the resource's name unless that is too long for one.
pub type Subject = (ResourceType, String);

/// One subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The version of the last update that was taken; `None` before the first.
    pub version: Option<String>,
    /// How many updates were refused or could not be read.
    pub refused: u64,
}

/// What an Envoy reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its subscriptions.
    pub subscriptions: BTreeMap<Subject, Subscription>,
    /// Listeners and clusters that wait for something before they serve.
    pub warming: u64,
}

impl Seen {
    /// Reads Envoy's text: a line a statistic.
    ///
    /// Only subscriptions have a version, empty before their first update. Clusters without any, such
    /// as those of DNS, count failures under the same names; these are none of a subscription.
    pub(super) fn parse(text: &str) -> Self {
        let mut seen = Self::default();
        let mut subscribed = BTreeSet::new();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(": ") else { continue };
            let number = || value.parse::<u64>().unwrap_or_default();
            let Some((subject, field)) = name.rsplit_once('.') else { continue };
            if matches!(field, "warming_clusters" | "total_listeners_warming") {
                seen.warming += number();
                continue;
            }
            let Some(subject) = subject_of(subject) else { continue };
            if field == "version_text" {
                subscribed.insert(subject.clone());
            }
            let subscription = seen.subscriptions.entry(subject).or_default();
            match field {
                "version_text" => {
                    let version = value.trim_matches('"');
                    subscription.version = (!version.is_empty()).then(|| version.to_owned());
                }
                "update_rejected" | "update_failure" => subscription.refused += number(),
                _ => {}
            }
        }
        seen.subscriptions.retain(|subject, _| subscribed.contains(subject));
        seen
    }

    /// What it has not taken yet. A subscription that does not exist (nothing uses the file yet,
    /// or the statistics have another name by a patch) is waited for only in that what uses it is
    /// warming.
    pub fn missing(&self, expected: &Expected) -> Vec<Subject> {
        let mut missing = Vec::new();
        for (subject, version) in expected {
            let set = !subject.0.one_per_file();
            match self.versions(subject) {
                None if set => missing.push(subject.clone()),
                None => {}
                Some(all) if all.iter().all(|seen| seen.as_ref() == Some(version)) => {}
                Some(_) => missing.push(subject.clone()),
            }
        }
        missing
    }

    /// Whether it has taken everything and nothing waits.
    pub fn has(&self, expected: &Expected) -> bool {
        self.warming == 0 && self.missing(expected).is_empty()
    }

    /// What it refused since `before` and still does not have.
    pub fn refused_since(&self, before: &Self, expected: &Expected) -> Vec<Subject> {
        let missing = self.missing(expected).into_iter();
        missing.filter(|subject| self.refused(subject) > before.refused(subject)).collect()
    }

    /// How many updates of something were refused, ever.
    pub fn refused(&self, subject: &Subject) -> u64 {
        self.users(subject).map(|(_, subscription)| subscription.refused).sum()
    }

    fn versions(&self, subject: &Subject) -> Option<Vec<Option<String>>> {
        let all: Vec<_> = self.users(subject).map(|(_, s)| s.version.clone()).collect();
        (!all.is_empty()).then_some(all)
    }

    /// The subscriptions of a file. Endpoints are counted by cluster, and several clusters that
    /// differ in their policy alone (`NAME_via_SERVICE`) share them.
    fn users<'a>(
        &'a self,
        subject: &'a Subject,
    ) -> impl Iterator<Item = (&'a Subject, &'a Subscription)> {
        self.subscriptions.iter().filter(move |((kind, name), _)| {
            let is_named = |name: &str| file_stem(*kind, name) == subject.1;
            let shares = || name.match_indices("_via_").any(|(at, _)| is_named(&name[..at]));
            *kind == subject.0
                && (is_named(name) || (*kind == ResourceType::ClusterLoadAssignment && shares()))
        })
    }
}

fn subject_of(stat: &str) -> Option<Subject> {
    match stat {
        "listener_manager.lds" => Some((ResourceType::Listener, String::new())),
        "cluster_manager.cds" => Some((ResourceType::Cluster, String::new())),
        _ => {
            if let Some(name) = stat.strip_prefix("cluster.") {
                return Some((ResourceType::ClusterLoadAssignment, name.to_owned()));
            }
            if let Some(name) = stat.strip_prefix("sds.") {
                return Some((ResourceType::Secret, name.to_owned()));
            }
            let (_, name) = stat.strip_prefix("http.")?.split_once(".rds.")?;
            Some((ResourceType::RouteConfiguration, name.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cluster.c.1.version_text: \"v1\"\n\
                        cluster.c.1_via_s.x.version_text: \"v1\"\n\
                        cluster_manager.cds.version_text: \"v2\"\n\
                        http.ingress.http.80.rds.r.1.version_text: \"v1\"\n\
                        listener_manager.lds.version_text: \"v2\"\n\
                        cluster.c.1.update_rejected: 1\n\
                        cluster_manager.cds.update_rejected: 0\n\
                        cluster_manager.warming_clusters: 0\n\
                        http.ingress.http.80.rds.r.1.update_failure: 2\n\
                        listener_manager.total_listeners_warming: 0\n";

    fn expect(eds: &str, rds: &str) -> Expected {
        Expected::from([
            ((ResourceType::Listener, String::new()), "v2".to_owned()),
            ((ResourceType::Cluster, String::new()), "v2".to_owned()),
            ((ResourceType::ClusterLoadAssignment, "c.1".to_owned()), eds.to_owned()),
            ((ResourceType::RouteConfiguration, "r.1".to_owned()), rds.to_owned()),
            ((ResourceType::RouteConfiguration, "unused".to_owned()), "v9".to_owned()),
        ])
    }

    #[test]
    fn a_proxy_has_what_all_its_subscriptions_have_taken() {
        let seen = Seen::parse(TEXT);
        assert!(seen.has(&expect("v1", "v1")));
        let missing = seen.missing(&expect("v1", "v3"));
        assert_eq!(missing, [(ResourceType::RouteConfiguration, "r.1".to_owned())]);
        let warming = Seen { warming: 1, ..seen };
        assert!(!warming.has(&expect("v1", "v1")));
    }

    #[test]
    fn names_that_were_cut_for_the_file_are_found_again() {
        let long = format!("cds_egress_{}", "n".repeat(250));
        let text = format!("cluster.{long}_via_s.x.version_text: \"v1\"\n");
        let seen = Seen::parse(&text);
        let kind = ResourceType::ClusterLoadAssignment;
        let subject = (kind, file_stem(kind, &long).into_owned());
        assert!(subject.1.len() < long.len());
        let expect = |version: &str| Expected::from([(subject.clone(), version.to_owned())]);
        assert_eq!(seen.missing(&expect("v1")), []);
        assert_eq!(seen.missing(&expect("v2")), std::slice::from_ref(&subject));
    }

    #[test]
    fn a_refusal_counts_only_if_it_is_new_and_in_the_way() {
        let seen = Seen::parse(TEXT);
        assert_eq!(seen.refused_since(&seen, &expect("v3", "v3")), []);
        let none = Seen::default();
        let refused = seen.refused_since(&none, &expect("v3", "v1"));
        assert_eq!(refused, [(ResourceType::ClusterLoadAssignment, "c.1".to_owned())]);
    }

    #[test]
    fn a_cluster_of_dns_has_no_subscription_to_endpoints() {
        let text = "cluster.c.1.update_failure: 3\n\
                    cluster.c.1.update_rejected: 0\n\
                    cluster.c.2.update_failure: 1\n\
                    cluster.c.2.version_text: \"\"\n";
        let seen = Seen::parse(text);
        let subject = |name: &str| (ResourceType::ClusterLoadAssignment, name.to_owned());
        assert_eq!((seen.refused(&subject("c.1")), seen.refused(&subject("c.2"))), (0, 1));
        let expect = |name: &str| Expected::from([(subject(name), "v".to_owned())]);
        assert_eq!(seen.missing(&expect("c.1")), []);
        assert_eq!(seen.missing(&expect("c.2")), [subject("c.2")]);
    }

    #[test]
    fn a_proxy_that_reports_nothing_has_nothing() {
        assert!(!Seen::parse("").has(&expect("v1", "v1")));
        assert!(!Seen::parse("<html>").has(&expect("v1", "v1")));
    }
}
