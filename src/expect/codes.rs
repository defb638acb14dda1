//! MC13xx: findings about expectations.

use crate::diag::Code;

/// A request that does not fare as expected.
pub(super) const FAILED: Code = Code::error(
    "MC1301",
    "failed-expectation",
    "a request does not fare as a test expects",
    "The file of tests says what becomes of a request, and the mesh does something else with it. \
     Either a change of the mesh did what it should not, or the expectation is out of date: \
     `meshctl test --update` writes down what happens now, to be read in the diff. The places named \
     are the route that took the request, and why the expected one did not.",
);
/// Text that is no request.
pub(super) const NO_REQUEST: Code = Code::error(
    "MC1302",
    "malformed-test-request",
    "a test asks for something that no client can send",
    "A request is `METHOD URL`, or a URL alone for GET. URLs start with http://, https://, grpc:// \
     (`grpc://HOST/PACKAGE.SERVICE/METHOD`) or tcp://, and have no spaces and control characters. What is \
     not ASCII is sent as it is: HTTP/1 rejects it, HTTP/2 takes it in paths and queries. Header \
     names and values are those of HTTP.",
);
/// No node or gateway that the request could come from.
pub(super) const NO_SOURCE: Code = Code::error(
    "MC1303",
    "unknown-origin-of-request",
    "a test does not say where its request comes from, or names what is not there",
    "`from` names the node whose application sends the request, or the gateway that it comes in by: \
     `virtual_node/NAME`, `virtual_gateway/NAME`, or the name alone. It can stand once at the top of \
     the file, in a test, or in a case. Only a mesh with exactly one gateway needs no word.",
);
/// A request of which nothing can be told.
pub(super) const UNDECIDED: Code = Code::error(
    "MC1304",
    "undecided-expectation",
    "it cannot be told whether a request fares as a test expects",
    "What a raw `patch` does to a route, or what a condition on a header that proxies write \
     themselves decides, cannot be told without running Envoy. A test that cannot be decided fails, \
     so that nobody takes it for a proof; ask a running mesh instead.",
);
/// Two tests with one name.
pub(super) const SAME_NAME: Code = Code::error(
    "MC1305",
    "duplicate-test-name",
    "two tests of a file have the same name",
    "Reports and --filter tell tests apart by their names, so each name stands once in a file.",
);
/// A test that asks or expects nothing.
pub(super) const NOTHING: Code = Code::error(
    "MC1306",
    "test-without-expectation",
    "a test without a request, or without an expectation",
    "A test says which request it is about and what becomes of it. With `cases`, each case may bring \
     its own `request`, `headers`, `from` and `expect`; what a case does not say it takes from its \
     test.",
);
/// All codes of this module.
pub const CODES: &[&Code] = &[&FAILED, &NO_REQUEST, &NO_SOURCE, &UNDECIDED, &SAME_NAME, &NOTHING];
