locals {
  env = "prod"
}

resource "aws_appmesh_mesh" "this" {
  name = "shop-${local.env}"
  spec {
    egress_filter {
      type = "ALLOW_ALL"
    }
    service_discovery {
      ip_preference = "IPv4_ONLY"
    }
  }
  tags = {
    team = "shop"
  }
}
