//! `traffic` against live Envoys: meshes and requests by chance, sent as they are, must end where
//! `traffic` says, by the routes that it says, as the request that it says.
//!
//! `MESHCTL_TRAFFIC_PAIRS` asks for more pairs, `MESHCTL_TRAFFIC_SEED` for another start. Seeds are
//! printed; a disagreement names its own, and becomes a case of [`NAMED`].

use crate::support::aimed;
use crate::support::compare::{Tally, answers, applications, as_call};
use crate::support::project::Project;
use crate::support::proxies::{start_all, start_applied};
use crate::support::random_calls::is_call;
use crate::support::random_mesh::Chance;
use crate::support::random_routes as random;
use crate::support::random_special::{self as special, Sent};
use crate::support::tier::number;
use meshctl::model::Mesh;
use meshctl::traffic::{Request, Tracer};

/// Requests for each mesh.
const EACH: u64 = 600;
/// Pairs of a run that is not told otherwise.
const PAIRS: u64 = 9_000;
/// The same for special requests, most of which are connections of their own: three meshes, one of
/// which goes through its files.
const SPECIAL_PAIRS: u64 = 1_800;
/// One mesh of so many goes through its files: they are written, checked, planned and applied by
/// the command line, and what Envoy does is held against `meshctl test` and `meshctl trace`.
const THROUGH_FILES: u64 = 3;
const FIRST_PORT: u16 = 7_000;

/// Sends requests through proxies of a mesh; gives what was answered where both agree.
fn send(
    mesh: &Mesh,
    place: &str,
    block: u8,
    requests: impl IntoIterator<Item = Sent>,
    tally: &mut Tally,
) -> Vec<(Sent, crate::support::raw_http::Answer)> {
    let tracer = Tracer::new(mesh);
    let call = |sent: Sent| if is_call(&sent.request, FIRST_PORT) { as_call(sent) } else { sent };
    let door = |sent: Sent| ((random::door(block), sent.request.port).into(), sent);
    let made: Vec<_> = requests.into_iter().map(call).map(door).collect();
    let answers = answers(&made, || ());
    let mut agreed = Vec::new();
    for ((_, sent), answer) in made.into_iter().zip(answers) {
        let source = random::source(&sent.request, FIRST_PORT);
        if tally.compare(place, (&tracer, mesh), &source, &sent, &answer) {
            agreed.push((sent, answer));
        }
    }
    agreed
}

/// Runs meshes by chance; `change` makes them and their requests special.
#[expect(clippy::print_stdout, reason = "the seeds are part of the figures")]
fn run(name: &str, pairs: u64, special: bool) -> Tally {
    let block = applications();
    let first = number("MESHCTL_TRAFFIC_SEED", 1);
    let mut tally = Tally::default();
    let mut files = 0;
    let meshes = pairs.div_ceil(EACH);
    for seed in first..first + meshes {
        let mut c = Chance::new(seed ^ 0x5EED);
        let mut mesh = random::mesh(seed, block, FIRST_PORT);
        if special {
            special::mesh(&mut c, &mut mesh);
        }
        let project = (seed % THROUGH_FILES == 0).then(|| Project::new(&mut mesh, &mut tally));
        files += u64::from(project.is_some()) * EACH;
        let _proxies = match &project {
            Some(project) => start_applied(&mesh, &project.root()),
            None => start_all(&mesh),
        };
        let made: Vec<Sent> = (0..EACH)
            .map(|_| aimed::request(&mut c, &mesh, FIRST_PORT))
            .collect::<Vec<_>>()
            .into_iter()
            .map(|request| match special {
                true => special::request(&mut c, &mesh, request, FIRST_PORT),
                false => Sent::plain(request, FIRST_PORT),
            })
            .collect();
        let place = format!("{name}, seed {seed}");
        let agreed = send(&mesh, &place, block, made, &mut tally);
        if let Some(project) = &project {
            project.holds(&place, &agreed, FIRST_PORT, &mut tally);
        }
    }
    println!("{name}: seeds {first} to {}", first + meshes - 1);
    through_files(&tally, files);
    tally
}

#[test]
fn requests_by_chance_end_where_traffic_says() {
    let pairs = number("MESHCTL_TRAFFIC_PAIRS", PAIRS);
    let tally = run("plain", pairs, false);
    tally.report("plain");
    let gaps = tally.edges.gaps();
    assert!(pairs < PAIRS || gaps.is_empty(), "no evidence of {gaps:#?}");
}

#[test]
fn what_envoy_treats_specially_ends_where_traffic_says() {
    let pairs = number("MESHCTL_TRAFFIC_PAIRS", SPECIAL_PAIRS);
    let tally = run("special", pairs, true);
    tally.report("special");
    assert!(
        pairs < SPECIAL_PAIRS || tally.unmet().is_empty(),
        "no evidence of {:#?}",
        tally.unmet()
    );
    assert!(tally.special * 3 > pairs, "{} of {pairs} with special headers", tally.special);
}

/// A third of `sent`, the requests to meshes that went through files, plans and the command line,
/// was held against `meshctl test`; the others are not of that command's kind.
fn through_files(tally: &Tally, sent: u64) {
    let (tested, traced) =
        (tally.counted("held by meshctl test"), tally.counted("by meshctl trace"));
    assert!(tested * 3 >= sent, "{tested} of {sent} by meshctl test");
    assert!(sent == 0 || traced > 0, "none by meshctl trace");
}

/// Disagreements of the past, by what was not known: the route's conditions, then requests as
/// `METHOD PATH [HEADER=VALUE]…`.
const NAMED: &[(&str, &str, &[&str])] = &[
    (
        "each value of a repeated header is matched by itself, not all joined by commas",
        r#"headers = { x-a = { suffix = "a" } }"#,
        &["GET / x-a=a x-a=9", "GET / x-a=9 x-a=b", "GET / x-a=9,a"],
    ),
    (
        "one value of a repeated header in the range is enough",
        r#"headers = { x-a = { range = [5, 10] } }"#,
        &["GET / x-a=+5 x-a=0x5", "GET / x-a=4 x-a=9", "GET / x-a=5,6", "GET / x-a=10 x-a=4"],
    ),
    (
        "an inverted condition wants that no value of a repeated header matches",
        r#"headers = { x-a = { prefix = "ab", invert = true } }"#,
        &["GET / x-a=5,6 x-a=abc", "GET / x-a=a x-a=b", "GET /", "GET / x-a="],
    ),
    (
        "commas between values are no part of any value",
        r#"headers = { x-a = { prefix = ",", invert = true } }"#,
        &["GET / x-a= x-a=9", "GET / x-a=,9"],
    ),
    (
        "methods that HTTP/1 does not know are answered with 400",
        r#"prefix = "/""#,
        &["get /", "PURGE /", "BREW /", "UNLINK /"],
    ),
    (
        "a target that does not start with a slash is answered with 400, even where it would be \
         made to start with one",
        r#"prefix = "/""#,
        &["GET \\./", "GET a/b", "POST \\x", "GET ?q=1", "GET %2Fa"],
    ),
    (
        "two exact values of one header are met by two lines of it, and by no single value",
        r#"headers = { x-a = ["a", "b"] }"#,
        &["GET / x-a=a x-a=b", "GET / x-a=a,b", "GET / x-a=a", "GET / x-a=a x-a=c x-a=b"],
    ),
    (
        "conditions that no single value meets are met by values of several lines",
        r#"headers = { x-a = [{ prefix = "p" }, { range = [1, 5] }, { regex = "[a-c]+" }] }"#,
        &["GET / x-a=p x-a=4 x-a=b", "GET / x-a=p,4,b", "GET / x-a=p x-a=4", "GET / x-a=b x-a=4"],
    ),
    (
        "a condition and its inverse are met by no lines at all",
        r#"headers = { x-a = ["a", { prefix = "b", invert = true }] }"#,
        &["GET / x-a=a x-a=b", "GET / x-a=a x-a=c", "GET / x-a=a", "GET / x-a=b"],
    ),
];

#[test]
fn disagreements_of_the_past_stay_settled() {
    let block = applications();
    let mut mesh = random::mesh(0, block, FIRST_PORT);
    for (name, conditions, requests) in NAMED {
        let text = format!(
            "[mesh]\nname = \"named\"\n[virtual_node.n0]\n\
             listeners = [{{ port = 8000, protocol = \"http\" }}]\ndiscovery = {{ dns = \"n\" }}\n\
             [virtual_service.\"s0.internal\"]\nrouter = \"v0\"\n[virtual_router.v0]\n\
             listeners = [{{ port = 8080, protocol = \"http\" }}]\n\
             [[virtual_router.v0.routes]]\nname = \"r0\"\nmatch = {{ {conditions} }}\n\
             targets = {{ n0 = 1 }}\n"
        );
        let mut named = crate::traffic::mesh(&text);
        for route in named.routers.values_mut().flat_map(|router| &mut router.routes) {
            route.patch = random::trail("route/v0/r0");
        }
        mesh.routers.append(&mut named.routers);
        let requests = requests.iter().map(|line| {
            let mut words = line.split(' ');
            let (method, path) = (words.next().unwrap(), words.next().unwrap());
            // The first door of the node leads to the first service.
            let url = format!("http://x:{}/", FIRST_PORT + 100);
            let mut request = Request::new(method, &url).unwrap();
            path.clone_into(&mut request.path);
            let pair = |word: &str| {
                let (name, value) = word.split_once('=').unwrap();
                (name.to_owned(), value.into())
            };
            request.headers = words.map(pair).collect();
            Sent::plain(request, FIRST_PORT)
        });
        let _proxies = start_all(&mesh);
        let mut tally = Tally::default();
        let agreed = send(&mesh, name, block, requests, &mut tally);
        tally.report(name);
        assert_eq!(agreed.len() as u64, tally.requests, "{name}");
    }
}
