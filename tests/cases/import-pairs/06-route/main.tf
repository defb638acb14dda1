locals {
  retries = true
}

resource "aws_appmesh_virtual_router" "r" {
  name      = "r"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = 80
        protocol = "http"
      }
    }
  }
}

resource "aws_appmesh_route" "a" {
  name                = "a"
  mesh_name           = "shop"
  virtual_router_name = aws_appmesh_virtual_router.r.name
  spec {
    priority = 3
    http_route {
      match {
        prefix = "/api"
        method = "GET"
        header {
          name   = "x-user"
          invert = true
          match {
            prefix = "test"
          }
        }
      }
      dynamic "retry_policy" {
        for_each = local.retries ? [1] : []
        content {
          http_retry_events = ["server-error"]
          max_retries       = 3
          per_retry_timeout {
            unit  = "s"
            value = 2
          }
        }
      }
      timeout {
        per_request {
          unit  = "s"
          value = 20
        }
      }
      action {
        weighted_target {
          virtual_node = "n"
          weight       = 1
        }
      }
    }
  }
}
