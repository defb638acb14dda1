//! MC08xx and MC09xx: findings about a change, and refusals of guards.

use crate::diag::Code;

/// The target holds another mesh.
pub const OTHER_MESH: Code = Code::error(
    "MC0801",
    "other-mesh",
    "the target holds a mesh of another name",
    "Proxies carry the name of their mesh. A plan that renamed it would replace every resource, so \
     it is most often the wrong target or the wrong folder.",
);
/// A delete and a create that look like one thing.
pub const RENAMED: Code = Code::info(
    "MC0802",
    "rename-by-delete-and-create",
    "a resource seems to have been renamed",
    "meshctl sees a delete and a create. Because what is new is added before what is old is removed, \
     no request is lost; but statistics and identities of the proxies change with the name.",
);
/// A port in use changes what is spoken on it.
pub const PROTOCOL_IN_PLACE: Code = Code::warning(
    "MC0803",
    "protocol-changed-in-place",
    "a port that is in use changes its protocol",
    "Callers and server cannot change at one instant: between the two, requests fail. A new port \
     beside the old one lets callers move without loss; the old port goes away in a later plan.",
);
/// Plain text becomes strict TLS in one plan.
pub const STRICT_AT_ONCE: Code = Code::warning(
    "MC0804",
    "strict-tls-at-once",
    "a port in use goes from plain text to strict TLS in one plan",
    "The steps of an apply let the listener take both until every proxy of the target has changed. \
     Callers that the target does not configure (another project's, probes, scripts) and still \
     speak plain text are refused from then on. With `permissive` first there is time to find them.",
);
/// A health check is added to something in use.
pub const HEALTH_CHECK_IN_PLACE: Code = Code::warning(
    "MC0805",
    "health-check-added-in-place",
    "a listener in use gets a health check",
    "Every caller starts to probe at once, and endpoints that do not answer the probe get no \
     traffic, although they may serve requests well.",
);
/// A certificate and the trust in it change together.
pub const TRUST_WITH_CERTIFICATE: Code = Code::warning(
    "MC0806",
    "trust-changed-with-certificate",
    "a certificate and what is trusted on the other side change in one plan",
    "Callers and server cannot change at one instant. A caller that trusts only the old authority \
     refuses the new certificate, and one that trusts only the new authority refuses the old one. \
     Roll an authority in three plans: trust both, change the certificates, then trust the new one.",
);
/// Weights shift further than the project wants at once.
pub const WEIGHT_STEP: Code = Code::warning(
    "MC0807",
    "weight-step-above-policy",
    "weights shift further in one plan than the project allows",
    "`max_weight_step` in [guards] of meshctl.toml is the largest part of a route's requests, in per \
     cent, that one plan should move to or from one target. A change in smaller steps shows what \
     goes wrong while few requests meet it. TRAFFIC names the requests that move.",
);
/// More proxies than the project wants to change at once.
pub const MANY_PROXIES: Code = Code::warning(
    "MC0808",
    "proxies-above-policy",
    "the plan reaches more proxies than the project allows at once",
    "`max_proxies` in [guards] of meshctl.toml is how many proxies one plan should change. What goes \
     wrong goes wrong at all of them. `--only ADDRESS` plans a part.",
);
/// More deletes than a plan may have.
pub const TOO_MANY_DELETES: Code = Code::error(
    "MC0901",
    "too-many-deletes",
    "the plan deletes more than a plan may without being told",
    "A plan that deletes more than `max_deletes` resources (10), or more than 30 % of ten or more, is \
     most often made from the wrong files. `--allow-deletes N` consents to a plan with up to N.",
);
/// More updates than a plan may have.
pub const TOO_MANY_UPDATES: Code = Code::error(
    "MC0902",
    "too-many-updates",
    "the plan updates more than half of the resources",
    "A plan that changes more than 50 % of ten or more resources is most often made from the wrong \
     files or the wrong overlay. `--allow-updates N` consents to a plan with up to N.",
);
/// The files define nothing, the target holds something.
pub const EMPTY_DESIRED: Code = Code::error(
    "MC0903",
    "empty-mesh",
    "the files define nothing, and the target holds a mesh",
    "Applying would delete the whole mesh. `--allow-empty` consents to that.",
);
/// A protected resource would be deleted.
pub const PROTECTED: Code = Code::error(
    "MC0904",
    "protected-resource-deleted",
    "the plan deletes a protected resource",
    "`protected` in [guards] of meshctl.toml is kept in the live state, so it holds even when the \
     resource and the entry are removed together. Take the entry out and apply with --no-prune, \
     which deletes nothing; then the resource can be deleted.",
);
/// A resource of another owner would be changed.
pub const FOREIGN: Code = Code::error(
    "MC0905",
    "foreign-resource",
    "the plan changes a resource that another project owns",
    "Each resource belongs to the project that created it (`owner` in meshctl.toml). \
     `--take-ownership ADDRESS` takes it over.",
);
/// Something that was served would not be.
pub const LOST_TRAFFIC: Code = Code::error(
    "MC0906",
    "lost-traffic",
    "requests that are served would not be",
    "Some request that has a server now would have none: no route matches it any more, its route has \
     no target, the gateway or the local port that it is sent to goes away or moves, its caller \
     gives up the backend, or caller and server can no longer agree on TLS. The plan's TRAFFIC \
     section shows such a request and the changes that cause it. `--accept MC0906@ADDRESS` consents \
     to one of these. To lose nothing, keep the old route, listener or backend until no request uses \
     it, and remove it in a later plan.",
);
/// The record of what is in force is gone.
pub const LOST_RECORD: Code = Code::error(
    "MC0907",
    "lost-record",
    "proxies have files of the target, but no record tells of what mesh",
    "Without the record (the folder `meshctl` of a directory target) the plan cannot tell what is \
     live: it takes everything for new, so it cannot order the change, and requests may be lost \
     while proxies take it. Bring the record back. `--allow-lost-record` consents to recording and \
     writing the whole mesh anew.",
);

/// A node gains requests and cannot serve them.
pub const MISSING_TARGET: Code = Code::warning(
    "MC0908",
    "switch-to-missing-target",
    "a node that gains requests cannot serve them",
    "A route sends more requests to a node after the plan, or its callers find the node elsewhere \
     (another address, name or selector), and no proxy of the node runs, or nothing that its \
     registry discovery selects has a live registration. `apply` checks again right before the switch \
     and stops there with exit 7 if the node still cannot serve: nothing is lost, and what was added \
     stays beside what is in force. Start the proxy, then `meshctl apply --resume`. \
     `--accept MC0908@ADDRESS` with the address of the route (or of the service, if a node provides \
     it without a router) consents to the switch. A node that never has a proxy says so in the \
     files: `proxy = false`. Nodes whose proxies meshctl cannot ask are reported by MC0909; DNS names \
     are not checked. An automatic rollback is never held up; `meshctl rollback` is checked as `apply` is.",
);

/// A node gains requests and cannot be asked.
pub const UNVERIFIED_TARGET: Code = Code::warning(
    "MC0909",
    "switch-not-verified",
    "nothing can tell whether a node that gains requests can serve them",
    "A route sends more requests to a node after the plan, and meshctl cannot ask a proxy of the node: \
     a folder knows only the Envoys whose admin addresses the target names. `apply` switches without \
     the check. Add the address to `[targets.NAME.admin]` of meshctl.toml, or make sure that the node \
     runs and has the files before the switch. A control plane knows who has acknowledged what.",
);

/// All codes of this module.
pub const CODES: &[&Code] = &[
    &OTHER_MESH,
    &RENAMED,
    &PROTOCOL_IN_PLACE,
    &STRICT_AT_ONCE,
    &HEALTH_CHECK_IN_PLACE,
    &TRUST_WITH_CERTIFICATE,
    &WEIGHT_STEP,
    &MANY_PROXIES,
    &TOO_MANY_DELETES,
    &TOO_MANY_UPDATES,
    &EMPTY_DESIRED,
    &PROTECTED,
    &FOREIGN,
    &LOST_TRAFFIC,
    &LOST_RECORD,
    &MISSING_TARGET,
    &UNVERIFIED_TARGET,
];
