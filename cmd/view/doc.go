// Package view prints everything that the program prints.
//
// Rules:
//
//   - the result goes to standard output, everything else to standard error;
//   - with JSON set, standard output is one JSON document, written by one call;
//   - colours and redrawn lines are for terminals only;
//   - what is printed depends on the arguments alone: no clock, no environment, so
//     that tests compare whole texts.
package view
