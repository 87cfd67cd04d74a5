/// The program's version. Coordinator and workers must run the same.
package let lockstepVersion = "0.1.0"
