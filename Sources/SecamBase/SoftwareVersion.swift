/// Name and version that every program reports.
package let softwareVersion = "secam/0.1.0"
