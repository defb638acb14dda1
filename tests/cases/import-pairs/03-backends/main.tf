locals {
  backends = toset(["stock.local", "price.local"])
}

resource "aws_appmesh_virtual_node" "cart" {
  name      = "cart"
  mesh_name = "shop"
  spec {
    dynamic "backend" {
      for_each = local.backends
      content {
        virtual_service {
          virtual_service_name = backend.value
        }
      }
    }
    backend_defaults {
      client_policy {
        tls {
          enforce = true
          ports   = [443]
          validation {
            trust {
              file {
                certificate_chain = "/keys/ca.pem"
              }
            }
          }
        }
      }
    }
    service_discovery {
      dns {
        hostname      = "cart.local"
        response_type = "ENDPOINTS"
      }
    }
  }
}
