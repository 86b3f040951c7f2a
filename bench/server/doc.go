// Package server runs the throwaway PostgreSQL clusters that the benchmark
// measures, and says what they cost in CPU.
//
// A cluster listens on loopback only, on a free port, with no Unix socket; its
// folder is the caller's. Two rules follow from PostgreSQL refusing to run as
// root:
//
//   - under root the cluster belongs to the user postgres, or nobody;
//   - a cluster that Start returned must be stopped, whatever happened since.
package server
