// Package config turns the HCL files of a folder into checked Go values.
//
// It reads files and environment, never the network, and reports every error of
// every file at once, as hcl.Diagnostics with source ranges. What it returns is
// complete: references are resolved, defaults are filled in, for_each is
// expanded, and every address is unique.
//
// A configuration is full of passwords. Three rules keep them in:
//
//   - connection strings and passwords are Secret, never a plain string;
//   - a value that is sensitive carries a mark through every expression, and may
//     end only in a Secret; anywhere else it is an error;
//   - Sources, from which diagnostics show snippets, has the literals of secrets
//     blanked, and no diagnostic quotes a value that may be one.
//
// What the language has and this release has not is in one table, unbuilt.
package config
