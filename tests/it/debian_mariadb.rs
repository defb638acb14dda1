//! MariaDB behind two proxies: the server speaks first, then queries go through.

use crate::support::mesh::Live;
use crate::support::tier::{Tier, has};
use std::process::Command;

#[test]
fn queries_go_through_tcp_and_an_unreachable_database_is_no_database() {
    if !has(Tier::Debian(&["mariadb", "mariadb-install-db", "mariadbd"])) {
        return;
    }
    let live = Live::example("tcp-mariadb");
    let door = live.request("virtual_node/app", "", "tcp://db.internal:3306", &[]).to;
    let ask = |port: u16, query: &str| {
        let output = Command::new("mariadb")
            .args(["--no-defaults", "--user=dev", "--protocol=tcp", "--batch", "-N", "shop"])
            .args([format!("--host={}", door.ip()), format!("--port={port}"), "-e".to_owned()])
            .arg(query)
            .output()
            .unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), out, err)
    };
    let fill = "CREATE TABLE items (id INT PRIMARY KEY, name VARCHAR(20));
                INSERT INTO items VALUES (1, 'teapot'), (2, 'cup');";
    let (good, _, said) = ask(door.port(), fill);
    assert!(good, "{said}");
    let (_, rows, _) = ask(door.port(), "SELECT id, name FROM items ORDER BY id");
    assert_eq!(rows, "1\tteapot\n2\tcup\n");
    let (_, big, _) = ask(door.port(), "SELECT LENGTH(REPEAT('x', 4000000))");
    assert_eq!(big, "4000000\n");
    let total = live.stat("virtual_node/db", "tcp.ingress.downstream_cx_total");
    println!("connections through the database's proxy: {total}");
    let (good, _, _) = ask(door.port() + 1, "SELECT 1");
    assert!(!good, "there is nothing on another port");
}
