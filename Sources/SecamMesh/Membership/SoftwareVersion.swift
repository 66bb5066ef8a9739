/// Name and version that every program says of itself.
package let softwareVersion = "secam/0.1.0"
