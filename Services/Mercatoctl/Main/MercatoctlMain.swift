import Mercatoctl

@main
struct MercatoctlMain {
    static func main() {
        CommandLineProgram.main()
    }
}
