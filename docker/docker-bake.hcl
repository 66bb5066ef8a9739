# Builds all images, and the Debian packages:
#   docker buildx bake --file docker/docker-bake.hcl            images of this machine's processor
#   docker buildx bake --file docker/docker-bake.hcl package    packages in docker/packages
# Both processors in one go take a builder that can (docker buildx create --driver docker-container), and for the one that
# is not this machine's an emulator:
#   PLATFORMS=linux/amd64,linux/arm64 docker buildx bake --file docker/docker-bake.hcl --push

# Where images go.
variable "REGISTRY" { default = "secam" }
variable "TAG" { default = "latest" }
# Empty for this machine's.
variable "PLATFORMS" { default = "" }
# By digest (IMAGE@sha256:…), a release can be built again from the same bases.
variable "SWIFT_IMAGE" { default = "swift:6.3-bookworm" }
variable "DEBIAN_IMAGE" { default = "debian:bookworm-slim" }

group "default" { targets = ["images"] }
group "images" { targets = ["gateway", "capture", "encode", "motion", "archive", "view", "secam"] }

target "base" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  platforms  = PLATFORMS == "" ? [] : split(",", PLATFORMS)
  args = {
    SWIFT_IMAGE  = SWIFT_IMAGE
    DEBIAN_IMAGE = DEBIAN_IMAGE
  }
}

target "image" {
  inherits = ["base"]
  matrix   = { program = ["gateway", "capture", "encode", "motion", "archive", "view", "secam"] }
  name     = program
  target   = program
  tags     = ["${REGISTRY}/${program}:${TAG}"]
}

target "package" {
  inherits = ["base"]
  target   = "package"
  output   = ["type=local,dest=docker/packages"]
}
