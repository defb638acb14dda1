variable "mode" {
  default = "STRICT"
}

resource "aws_appmesh_virtual_node" "n" {
  name      = "n"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 8443
        protocol = "http2"
      }
      connection_pool {
        http2 {
          max_requests = 100
        }
      }
      tls {
        mode = var.mode == "" ? "DISABLED" : var.mode
        certificate {
          sds {
            secret_name = format("spiffe://%s/%s", "shop", "n")
          }
        }
        validation {
          trust {
            sds {
              secret_name = "spiffe://shop"
            }
          }
        }
      }
    }
    service_discovery {
      dns {
        hostname = "n.local"
      }
    }
  }
}
