variable "port" {
  type    = number
  default = 8080
}

resource "aws_appmesh_virtual_node" "cart" {
  name      = "cart"
  mesh_name = "shop"
  spec {
    listener {
      port_mapping {
        port     = var.port
        protocol = "http"
      }
      health_check {
        protocol            = "http"
        path                = "/ping"
        healthy_threshold   = 2
        unhealthy_threshold = 3
        timeout_millis      = 2 * 1000
        interval_millis     = 5 * 1000
      }
      outlier_detection {
        max_server_errors    = 5
        max_ejection_percent = 50
        interval {
          unit  = "s"
          value = 10
        }
        base_ejection_duration {
          unit  = "s"
          value = 30
        }
      }
    }
    service_discovery {
      dns {
        hostname = "cart.local"
      }
    }
  }
}
