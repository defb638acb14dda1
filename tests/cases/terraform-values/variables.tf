variable "env" { default = "prod" }
variable "num" { 
 type = number
 default = 3
}
variable "strnum" { 
 type = number
 default = "42"
}
variable "lst" { 
 type = list(string)
 default = ["b","a","c"]
}
variable "setv" {
 type = set(string)
 default = ["b","a","b"]
}
variable "mp" {
 type = map(number)
 default = { x = 1, y = 2 }
}
variable "obj" {
 type = object({ name = string, port = optional(number, 8080), tags = optional(map(string), {}), nested = optional(object({a = optional(string,"dflt")}), {}) })
 default = { name = "o", junk = 5 }
}
variable "objs" {
 type = list(object({ name = string, port = optional(number, 80) }))
 default = [ { name = "p" }, { name = "q", port = "81" } ]
}
variable "nul" { 
 type = string
 default = null
}
variable "anyv" { 
 type = any
 default = { a = [1,"2",true] }
}
variable "boolv" {
 type = bool
 default = "true"
}
variable "tup" {
 type = tuple([string, number, bool])
 default = ["1", "2", "true"]
}
variable "mapstr" {
 type = map(string)
 default = { n = 1, b = true }
}
locals {
  svcs = { cart = { port = 8080, w = 90 }, api = { port = 9090, w = 10 }, web = { port = 80, w = 0 } }
  names = ["cart","api","web"]
  words = "the quick brown fox"
}
