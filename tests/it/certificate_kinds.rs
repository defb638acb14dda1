//! Kinds of certificates: what `check` says of each is what Envoys do with it.

use crate::certificate_files::check;
use crate::support::mesh::Block;
use crate::support::sandbox::Sandbox;
use crate::support::tier::{Tier, has};
use crate::support::{authority, envoy};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

/// The certificates of the rows.
const TABLE: &str = "ca - -
mid ca - authority
other - -
plain ca plain.internal
foreign other foreign.internal
old ca old.internal 2026-01-01..2026-06-01
hour ca hour.internal -48h..-1h
early ca early.internal 1h..48h
caller ca caller.internal clientAuth
server ca server.internal serverAuth
any ca any.internal anyPurpose
wild ca *.internal
part ca p*.internal
deep mid deep.internal
below plain below.internal
bare ca -
upper ca UPPER.internal
workload ca spiffe://mesh.example/pay
address ca 10.0.0.1
p384 ca p384.internal key=P-384
p384c ca p384c.internal key=P-384
ed ca ed.internal key=Ed25519
edc ca edc.internal key=Ed25519
later ca later.internal key=Ed25519 later
certs ca certs.internal usage=keyCertSign
signs ca signs.internal usage=digitalSignature
crit ca crit.internal critical
critc ca critc.internal critical
self - self.internal clientAuth critical
edca - - key=Ed25519
ofed edca ofed.internal
p384ca - - key=P-384
ofp384 p384ca ofp384.internal
noca - - leaf
ofnoca noca ofnoca.internal
nobc - - plain usage=keyCertSign
ofnobc nobc ofnobc.internal
nosign - - usage=digitalSignature
ofnosign nosign ofnosign.internal
critca - - critical
ofcritca critca ofcritca.internal
within - - permits=internal
inside within inside.internal
outside within outside.internal,outside.example
nowhere - - excludes=internal
excluded nowhere excluded.internal
nopay - - excludes=pay.internal
anypay nopay anypay.internal,*.internal
anybelow nopay anybelow.internal,*.pay.internal
anyelse nopay anyelse.internal,*.else.internal
onlypay - - permits=pay.internal
anyonly onlypay pay.internal,*.internal
anyin onlypay pay.internal,*.pay.internal
midnoca ca - leaf
ofmidnoca midnoca ofmidnoca.internal
midclient ca - authority clientAuth
ofmidclient midclient ofmidclient.internal
midcrit ca - authority critical
ofmidcrit midcrit ofmidcrit.internal
midold ca - authority -48h..-1h
ofmidold midold ofmidold.internal
flat ca - depth=0
under flat - authority
ofunder under ofunder.internal
ended - - -48h..-1h
ofended ended ofended.internal
namesake - - cn=ca
label ca label.internal label=TRUSTED_CERTIFICATE
labelold ca labelold.internal label=X509_CERTIFICATE
labelca - - label=TRUSTED_CERTIFICATE
oflabel labelca oflabel.internal
midlabel ca - authority label=TRUSTED_CERTIFICATE
ofmidlabel midlabel ofmidlabel.internal
both.pem = ended.pem ca.pem
first.pem = ca.pem namesake.pem
second.pem = namesake.pem ca.pem
rsa ca rsa.internal key=rsa:2048
rsac ca rsac.internal key=rsa:2048
small ca small.internal key=rsa:1024
smallc ca smallc.internal key=rsa:1024
p521 ca p521.internal key=ec:P-521
p521c ca p521c.internal key=ec:P-521
p224 ca p224.internal key=ec:P-224
koblitz ca koblitz.internal key=ec:secp256k1
enciphers ca enciphers.internal key=rsa:2048 usage=keyEncipherment
enciphersc ca enciphersc.internal key=rsa:2048 usage=keyEncipherment
signsrsa ca signsrsa.internal key=rsa:2048 usage=digitalSignature
smallca - - key=rsa:1024
ofsmall smallca ofsmall.internal
p521ca - - key=ec:P-521
ofp521 p521ca ofp521.internal
koblitzca - - key=ec:secp256k1
ofkoblitz koblitzca ofkoblitz.internal
";

/// Calls of one client to one listener of a server each: a name, the file that the listener shows
/// (its key has the same name), the one that the client trusts, and the name that it expects, files
/// without their folder; the certificate of the client, `-` if the listener asks for none; what the
/// client gets, or `rejected` where an Envoy does not load the certificate; and the codes of
/// `check`. `-` for the trust: the client has no policy.
const ROWS: &str = "
plain plain.pem ca.pem plain.internal - 200
name plain.pem ca.pem other.internal - 503 MC0616
bare bare.pem ca.pem bare - 503 MC0616
wild wild.pem ca.pem any.internal - 200
part part.pem ca.pem payment.internal - 200
partnot part.pem ca.pem cart.internal - 503 MC0616
upper upper.pem ca.pem upper.internal - 200
dot plain.pem ca.pem plain.internal. - 503 MC0238 MC0616
workload workload.pem ca.pem spiffe://mesh.example/pay - 200
workcase workload.pem ca.pem spiffe://mesh.example/PAY - 503 MC0616
address address.pem ca.pem 10.0.0.1 - 200
authority foreign.pem ca.pem foreign.internal - 503 MC0617
gap deep.pem ca.pem deep.internal - 503 MC0617
chain deep.chain ca.pem deep.internal - 200
partial deep.pem mid.pem deep.internal - 200
pinned plain.pem plain.pem plain.internal - 200
below below.chain ca.pem below.internal - 503 MC0617
old old.pem ca.pem old.internal - 503 MC0620
hour hour.pem ca.pem hour.internal - 503 MC0620
early early.pem ca.pem early.internal - 503 MC0620
usage caller.pem ca.pem caller.internal - 503 MC0622
usageany any.pem ca.pem any.internal - 503 MC0622
usagefree caller.pem - - - 200 MC0604
caller plain.pem ca.pem plain.internal caller 200
server plain.pem ca.pem plain.internal server 503 MC0622
anyclient plain.pem ca.pem plain.internal any 503 MC0622
p384 p384.pem ca.pem p384.internal - 503 MC0628
p384free p384.pem - - - 503 MC0604 MC0628
p384client plain.pem ca.pem plain.internal p384c 200
ed ed.pem ca.pem ed.internal - 503 MC0628
edclient plain.pem ca.pem plain.internal edc 503 MC0628
later later.pem ca.pem later.internal - rejected MC0614 MC0628
certs certs.pem ca.pem certs.internal - rejected MC0624
certsclient plain.pem ca.pem plain.internal certs rejected MC0624
signs signs.pem ca.pem signs.internal - 200
crit crit.pem ca.pem crit.internal - 503 MC0630
critfree crit.pem - - - 200 MC0604
critclient plain.pem ca.pem plain.internal critc 503 MC0630
critself self.pem self.pem self.internal - 200
critpinned crit.pem crit.pem crit.internal - 200
ofed ofed.pem edca.pem ofed.internal - 200
ofp384 ofp384.pem p384ca.pem ofp384.internal - 200
ofnoca ofnoca.pem noca.pem ofnoca.internal - 200
ofnobc ofnobc.pem nobc.pem ofnobc.internal - 200
ofnosign ofnosign.pem nosign.pem ofnosign.internal - 503 MC0617
ofcritca ofcritca.pem critca.pem ofcritca.internal - 200
inside inside.pem within.pem inside.internal - 200
outside outside.pem within.pem outside.internal - 503 MC0631
excluded excluded.pem nowhere.pem excluded.internal - 503 MC0631
anypay anypay.pem nopay.pem anypay.internal - 503 MC0631
anybelow anybelow.pem nopay.pem anybelow.internal - 503 MC0631
anyelse anyelse.pem nopay.pem anyelse.internal - 200
anyonly anyonly.pem onlypay.pem pay.internal - 503 MC0631
anyin anyin.pem onlypay.pem pay.internal - 200
ofmidnoca ofmidnoca.chain ca.pem ofmidnoca.internal - 503 MC0617
midtrusted ofmidnoca.chain midnoca.pem ofmidnoca.internal - 200
midclient ofmidclient.chain ca.pem ofmidclient.internal - 503 MC0617
midcrit ofmidcrit.chain ca.pem ofmidcrit.internal - 503 MC0630
midold ofmidold.chain ca.pem ofmidold.internal - 503 MC0620
ofunder ofunder.chain ca.pem ofunder.internal - 503 MC0617
flattrusted ofunder.chain flat.pem ofunder.internal - 200
ofended ofended.pem ended.pem ofended.internal - 503 MC0620
endedboth ofended.pem both.pem ofended.internal - 503 MC0620
otherboth plain.pem both.pem plain.internal - 200
first plain.pem first.pem plain.internal - 200
second plain.pem second.pem plain.internal - 503 MC0617
label label.pem ca.pem label.internal - 200
labelold labelold.pem ca.pem labelold.internal - 200
oflabel oflabel.pem labelca.pem oflabel.internal - 200
midlabel ofmidlabel.chain ca.pem ofmidlabel.internal - 503 MC0617
rsa rsa.pem ca.pem rsa.internal - 200
rsaclient plain.pem ca.pem plain.internal rsac 200
small small.pem ca.pem small.internal - rejected MC0624
smallclient plain.pem ca.pem plain.internal smallc rejected MC0624
p521 p521.pem ca.pem p521.internal - 503 MC0628
p521client plain.pem ca.pem plain.internal p521c 200
p224 p224.pem ca.pem p224.internal - rejected MC0624
koblitz koblitz.pem ca.pem koblitz.internal - rejected MC0624
enciphers enciphers.pem ca.pem enciphers.internal - 503 MC0622
enciphersfree enciphers.pem - - - 503 MC0604 MC0622
enciphersclient plain.pem ca.pem plain.internal enciphersc 503 MC0622
signsrsa signsrsa.pem ca.pem signsrsa.internal - 200
ofsmall ofsmall.pem smallca.pem ofsmall.internal - 200
ofp521 ofp521.pem p521ca.pem ofp521.internal - 200
ofkoblitz ofkoblitz.pem koblitzca.pem ofkoblitz.internal - 503 MC0617
";

/// The rows of one pair of Envoys. With all of them in one pair Envoy ends by itself; it may be that
/// each secret takes an inotify instance, of which a user has 128 by default. With ten none has ended.
const AT_ONCE: usize = 10;

struct Row {
    name: &'static str,
    chain: &'static str,
    trust: Option<&'static str>,
    expects: &'static str,
    client: Option<&'static str>,
    /// `None`: an Envoy rejects its configuration.
    status: Option<u32>,
    codes: BTreeSet<String>,
}

/// The rows whose certificates are there.
fn rows(table: &str) -> Vec<Row> {
    let made: BTreeSet<&str> =
        table.lines().filter_map(|line| line.split([' ', '.']).next()).collect();
    let given = |text: &'static str| Some(text).filter(|text| *text != "-");
    let rows = ROWS.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("six words: {line}"));
        let (name, chain, trust, expects) = (word(), word(), word(), word());
        let (client, status) = (word(), word().parse().ok());
        let codes = words.map(str::to_owned).collect();
        Row { name, chain, trust: given(trust), expects, client: given(client), status, codes }
    });
    let there = |file: &str| made.contains(file.split('.').next().unwrap());
    rows.filter(|row| {
        there(row.chain) && row.trust.is_none_or(there) && row.client.is_none_or(there)
    })
    .collect()
}

/// A mesh of some rows: each has a listener of one node and a backend of another.
fn write(rows: &[&Row]) -> (String, String) {
    let mut mesh = String::from("[mesh]\nname = \"rows\"\n");
    let mut project = String::from("[dev]\nprepare = ['cp -rp \"$MESHCTL_PROJECT/certs\" .']\n");
    mesh.push_str("\n[virtual_node.client]\nbackends = [\n");
    for row in rows {
        let certificate = row.client.map_or(String::new(), |name| {
            format!("certificate = {{ file = {{ chain = \"certs/{name}.pem\", key = \"certs/{name}.key\" }} }}, ")
        });
        let policy = row.trust.map_or(String::new(), |trust| {
            format!(
                ", client_policy = {{ tls = {{ {certificate}validation = {{ trust = {{ \
                 file = \"certs/{trust}\" }}, subject_alternative_names = [\"{}\"] }} }} }}",
                row.expects
            )
        });
        writeln!(mesh, "  {{ service = \"{}.internal\"{policy} }},", row.name).unwrap();
    }
    mesh.push_str("]\n\n[virtual_node.server]\ndiscovery = { dns = \"server.internal\" }\n");
    for (at, row) in rows.iter().enumerate() {
        let (port, key) = (8401 + at, row.chain.split_once('.').unwrap().0);
        let validation =
            row.client.map_or("", |_| ", validation = { trust = { file = \"certs/ca.pem\" } }");
        writeln!(
            mesh,
            "\n[[virtual_node.server.listeners]]\nport = {port}\nprotocol = \"http\"\n\
             tls = {{ mode = \"strict\", certificate = {{ file = {{ chain = \"certs/{}\", \
             key = \"certs/{key}.key\" }} }}{validation} }}",
            row.chain
        )
        .unwrap();
    }
    for (at, row) in rows.iter().enumerate() {
        let (port, name) = (8401 + at, row.name);
        writeln!(
            mesh,
            "\n[virtual_service.\"{name}.internal\"]\nrouter = \"{name}\"\n\n\
             [virtual_router.{name}]\nlisteners = [{{ port = {port}, protocol = \"http\" }}]\n\n\
             [[virtual_router.{name}.routes]]\nname = \"all\"\nmatch = {{ prefix = \"/\" }}\n\
             targets = [{{ node = \"server\", port = {port}, weight = 1 }}]\n\
             retry = {{ on = [], max_retries = 0 }}"
        )
        .unwrap();
        writeln!(
            project,
            "\n[[dev.requests]]\nfrom = \"virtual_node/client\"\n\
             url = \"http://{name}.internal:{port}/\"\nstatus = {}",
            row.status.unwrap_or(503)
        )
        .unwrap();
    }
    (mesh, project)
}

#[test]
fn what_check_says_of_certificates_is_what_envoys_do() {
    let table = match has(Tier::Debian(&["openssl"])) {
        true => TABLE.to_owned(),
        false => authority::without_openssl(TABLE),
    };
    let made = tempfile::tempdir().unwrap();
    authority::make(&table, made.path());
    let rows = rows(&table);
    let sandbox = |rows: &[&Row]| {
        let sandbox = Sandbox::new();
        let (mesh, project) = write(rows);
        sandbox.write("mesh.toml", mesh);
        sandbox.write("meshctl.toml", project);
        fs::create_dir(sandbox.join("certs")).unwrap();
        for file in fs::read_dir(made.path()).unwrap() {
            let file = file.unwrap();
            // Permissions are copied too.
            fs::copy(file.path(), sandbox.join("certs").join(file.file_name())).unwrap();
        }
        sandbox
    };
    let mut wrong = Vec::new();
    for row in &rows {
        let (mut codes, unchecked) = check(&sandbox(&[row]));
        codes.retain(|code| code.starts_with("MC06") || code == "MC0238");
        // The public half of some kinds of keys is not derived, so they are not compared.
        let other = |why: &String| why != "its kind of key is not supported";
        if codes != row.codes || unchecked.values().any(other) {
            wrong.push(format!("{}: check reports {codes:?}, not checked {unchecked:?}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let dev = |rows: &[&Row]| {
        // `dev` runs no mesh with errors, so certificates come into the project after the check:
        // paths outside of it are not read.
        let sandbox = sandbox(rows);
        fs::rename(sandbox.join("certs"), sandbox.join("outside")).unwrap();
        let project = fs::read_to_string(sandbox.join("meshctl.toml")).unwrap();
        sandbox.write(
            "meshctl.toml",
            project.replace("$MESHCTL_PROJECT/certs\" .", "$MESHCTL_PROJECT/outside\" certs"),
        );
        let envoy = envoy::binary().display().to_string();
        let block = Block::take();
        let network = block.second().to_string();
        sandbox.run(&["dev", ".", "--once", "--envoy", &envoy, "--network", &network])
    };
    let (served, rejected): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.status.is_some());
    for rows in served.chunks(AT_ONCE) {
        let ran = dev(rows);
        assert_eq!(ran.code, 0, "{}", ran.all());
        assert_eq!(ran.stdout.lines().filter(|line| line.starts_with("ok ")).count(), rows.len());
    }
    assert!(!rejected.is_empty());
    for row in rejected {
        let ran = dev(&[row]);
        assert_ne!(ran.code, 0, "{}: {}", row.name, ran.all());
        let reason = "Failed to load";
        assert!(ran.all().contains(reason), "{}: {}", row.name, ran.all());
    }
}
