// Package progress says what an apply is doing, as typed events.
//
// The executor sends, a view shows. The events are a closed set, carry no
// formatting, and leave out nothing that a view would otherwise have to guess.
package progress
