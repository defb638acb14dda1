//! Mutual TLS on live Envoys: the right certificate passes, wrong ones and none are refused.

use crate::support::mesh::Live;
use crate::support::tier::{Tier, has};
use meshctl::model::NodeName;
use std::process::{Command, Stdio};

const URL: &str = "http://payment.internal:8443/charge";

#[test]
fn only_the_right_client_certificate_passes() {
    if !has(Tier::Debian(&["openssl"])) {
        return;
    }
    let live = Live::example("mtls");
    assert_eq!(live.get("virtual_node/shop", URL).brief(), "200 payment");
    assert_eq!(
        live.get("virtual_gateway/edge", "http://pay.example/charge").brief(),
        "200 payment"
    );
    // Another authority; the right one, but another name.
    assert_eq!(live.get("virtual_node/stranger", URL).brief(), "503");
    assert_eq!(live.get("virtual_node/intern", URL).brief(), "503");
    let payment = NodeName::new("payment").unwrap();
    let upstream = &live.running().upstreams(&payment)[0];
    assert_eq!(upstream.requests(), 2, "the refused requests never reach the application");

    // Without Envoy in front: the handshake itself, with the shop's certificate, with the
    // stranger's, with none, and plain text.
    let node = &live.loaded().mesh.nodes[&payment];
    let door = format!("{}:8443", node.listeners[0].address.unwrap());
    let certs = live.running().folder().join("certs");
    let ask = |certificate: Option<&str>| {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-connect", &door]);
        command.args(["-CAfile", "ca.pem"]).current_dir(&certs);
        if let Some(name) = certificate {
            command.args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let request = b"GET /direct HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        // A refused handshake closes the pipe before it is read.
        let mut stdin = child.stdin.take().unwrap();
        let _ = std::io::Write::write_all(&mut stdin, request);
        // The applications live on this thread's runtime: it must turn while openssl runs.
        let output = live.wait(async {
            let output = tokio::task::spawn_blocking(move || {
                let output = child.wait_with_output().unwrap();
                drop(stdin);
                output
            });
            output.await.unwrap()
        });
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(ask(Some("shop")), "HTTP/1.1 200 OK");
    assert_eq!(ask(Some("stranger")), "");
    assert_eq!(ask(Some("intern")), "");
    assert_eq!(ask(None), "");
}
