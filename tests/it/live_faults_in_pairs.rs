//! Requests with two faults at once: which of them Envoy notices first, by each codec, against
//! `traffic`. Every pair of a table of faults is sent.

use crate::live_arrival::{BOUND, CODECS, GATEWAY, World, get};
use meshctl::traffic::{FieldValue, Request};
use std::fmt::Write as _;

/// What is wrong with a request, or strange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The method.
    Method(&'static str),
    /// The target.
    Target(&'static str),
    /// The target, longer than any request may be, with this behind it.
    LongTarget(&'static str),
    /// The host.
    Host(&'static str),
    /// The host, longer than any request may be.
    LongHost,
    /// Headers of these names and values.
    Fields(&'static [(&'static str, &'static str)]),
    /// A header that is longer than any request may be.
    LongField,
    /// More headers than a request may have.
    ManyFields,
}

use Fault::{Fields, Host, LongField, LongHost, LongTarget, ManyFields, Method, Target};

const FAULTS: &[Fault] = &[
    Method("FOO"),
    Method("QUERY"),
    Method("OPTIONS"),
    Target("*"),
    Target(""),
    Target("a"),
    Target("?a"),
    Target("/a#b"),
    Target("/a b"),
    Target("/é"),
    Target("/?é"),
    Target("/a\u{1}b"),
    Target("/a\u{7f}b"),
    Target("/%00"),
    Target("/nowhere"),
    LongTarget(""),
    LongTarget("é"),
    Host("a<b"),
    Host("é"),
    Host(""),
    Host("u@a"),
    LongHost,
    Fields(&[("x-c", "a\u{1}b")]),
    Fields(&[(":x", "1")]),
    Fields(&[(":path", "/x")]),
    Fields(&[("host", "a<b")]),
    Fields(&[("content-length", "+0")]),
    Fields(&[("content-length", "-1")]),
    Fields(&[("content-length", "")]),
    Fields(&[("content-length", "0")]),
    Fields(&[("content-length", "0"), ("content-length", "0")]),
    Fields(&[("transfer-encoding", "identity")]),
    Fields(&[("transfer-encoding", "")]),
    Fields(&[("transfer-encoding", "chunked")]),
    Fields(&[("transfer-encoding", "chunked,")]),
    Fields(&[("transfer-encoding", "Chunked"), ("transfer-encoding", "")]),
    Fields(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]),
    Fields(&[("transfer-encoding", "chunked"), ("content-length", "0")]),
    Fields(&[("connection", "host")]),
    Fields(&[("connection", ":path")]),
    Fields(&[("connection", "a,b,c,d,e,f,g,h,i,j")]),
    Fields(&[("connection", "upgrade"), ("upgrade", "foo")]),
    Fields(&[("te", "gzip")]),
    LongField,
    ManyFields,
];

const TOO_LONG: usize = 70_000;

impl Fault {
    fn of(self, request: &mut Request) {
        let mut push = |name: String, value: String| {
            request.headers.push((name, FieldValue::from(value)));
        };
        match self {
            Method(method) => method.clone_into(&mut request.method),
            Target(target) => target.clone_into(&mut request.path),
            LongTarget(end) => request.path = format!("/{}{end}", "l".repeat(TOO_LONG)),
            Host(host) => host.clone_into(&mut request.authority),
            LongHost => request.authority = "l".repeat(TOO_LONG),
            Fields(fields) => {
                for (name, value) in fields {
                    push((*name).to_owned(), (*value).to_owned());
                }
            }
            LongField => push("x-long".to_owned(), "l".repeat(TOO_LONG)),
            ManyFields => {
                for at in 0..120 {
                    push(format!("x-many-{at}"), "1".to_owned());
                }
            }
        }
    }

    /// Whether a request has room for both.
    fn goes_with(self, other: Self) -> bool {
        let part = |fault: Self| match fault {
            Method(_) => 0,
            Target(_) | LongTarget(_) => 1,
            Host(_) | LongHost => 2,
            Fields(_) | LongField | ManyFields => 3,
        };
        part(self) != part(other) || (part(self) == 3 && self != other)
    }
}

fn faulty(faults: &[Fault]) -> Request {
    let mut request = get("/r/x", &[]);
    for fault in faults {
        fault.of(&mut request);
    }
    request
}

/// Every fault by itself, and every pair of them; headers in both orders.
fn all() -> Vec<Vec<Fault>> {
    let mut all: Vec<Vec<Fault>> = FAULTS.iter().map(|fault| vec![*fault]).collect();
    for (at, first) in FAULTS.iter().enumerate() {
        for (later, second) in FAULTS.iter().enumerate() {
            let headers = matches!((first, second), (Fields(_), Fields(_)));
            if first.goes_with(*second) && (at < later || headers) {
                all.push(vec![*first, *second]);
            }
        }
    }
    all
}

#[test]
fn of_two_faults_the_first_decides_as_traffic_says() {
    let world = World::new();
    let all = all();
    let (mut wrong, mut compared, mut decided) = (String::new(), 0, 0);
    let doors = [GATEWAY, BOUND].into_iter().flat_map(|port| CODECS.map(|codec| (port, codec)));
    for (port, codec) in doors {
        let asked: Vec<_> = all.iter().map(|faults| (port, codec, faulty(faults))).collect();
        let ends = world.ends(&asked);
        let alone = |fault: Fault| {
            let at = FAULTS.iter().position(|own| *own == fault).unwrap();
            &ends[at][0]
        };
        for (faults, [envoy, told]) in all.iter().zip(&ends) {
            compared += 1;
            if envoy != told {
                let _ = writeln!(wrong, "{port} {codec:?} {faults:?}: Envoy {envoy}, told {told}");
            }
            if let [first, second] = faults[..] {
                let rejects = |end: &String| !end.starts_with("200");
                let both = [alone(first), alone(second)];
                decided += u32::from(both[0] != both[1] && both.into_iter().all(rejects));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Where both faults end alike, nothing is said of their order.
    assert!(decided > 500, "{decided} of {compared}");
    println!("{compared} requests, {decided} with two faults that end differently");
}
