/// Compressed data that zlib 1.3 made, and what it made it of.
enum CompressedFixtures {
    /// The bytes behind hexadecimal digits; line breaks are skipped.
    static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// Letters whose frequencies halve, so that their codes are of every length up to a dozen bits.
    static let geometric = sequence(3000) { value in
        UInt8(97 + min(20, value == 0 ? 20 : value.trailingZeroBitCount + 1))
    }

    /// Few letters that repeat, so that there are matches at many distances.
    static let letters = sequence(300) { value in Array("lane step bucket".utf8)[Int(value % 16)] }

    private static func sequence(_ count: Int, _ letter: (UInt64) -> UInt8) -> [UInt8] {
        var state: UInt64 = 1
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return letter(state >> 33)
        }
    }

    /// `geometric`, Huffman codes only.
    static let geometricDeflated = bytes(
        """
        05c1c18104c71104315f11593d7ba4e8ff5740564adad73294b7cfa7a91aeb34ea968b34b8c44ca09cab93cce7ab4ceb5f30d7a06b33
        155a588290a984dca7c1a868ae7fccc75562874c4dc3a35c830230122d8b1f977f6af612e31989c4c74d8002d3e4a6d3578100244f1c
        f2e61f08886685bf6fdf06c0acc21008fb602c56576ef91f087faf79d57501c1c60c19e94ca04c33034b8552f158f33b77e86cc842e3
        37568aeba3870858b9c39c3488f5d930d01a12e0e419cc6ca6c301ab1a71258d34a7de0f866063e913270c3c5621dc9d90501ef119ca
        42bbddff3c0032f2c4b93ab5732b1af17158ad5852410511c5a3cae9045111056d9d5bdacde01ef933a10604a87bdf6017c80b5d9df5
        5a49d6dc92f0e965dc70294f7fff912761184eeed49f1dfa5760790373530f00dc93d3d13b77b7373a71c31859b1f9deda422db1ccf3
        1d61ad272f925bb82850ee7474c78a7ed7d0e239b9c4be1c5142fe280744ba1c323ad233d743f95a5fe3413397b3a8120dd88668d73d
        d82ca1d150de57f73b4e59365200d648114ff2dc28565ee74227024249db3692e5b701d3f810659ad7310af2973cf1aeabb7f61244f4
        89b2a090c3b34487e2258f723909abdd66d9a609abf4432debf280253de320e80da0caad751159c620187103155751990d0b8bc0364c
        a2c59b4f497b532e80f7873628ca1abc5bbd1703bf50511f2c7eca3e37cd7b3d83599af58de2351f0eca73f951638d55beb472f18dc0
        957f17164240b9efa4984ffb26a7b8c26bef5eec4dd6e4662ee13595349ad69bb8b03fbae717d41fc4fe63aef53beb7cb4b5ebc18e01
        25cc8bd89ab4b5fa8b83701d9827a06e00b325aea8b76ac4981386ae2a8700dce4e984fcf3dbe7f017fcbd052679e50953837e7b7ad0
        33497e62b2cb6004fdf8148106be2f6b45232e78e5d26229f47bc504e77266d960fc07771acb13bfb6d6b04da574f4d1f3ad20a5f06c
        faa4c6e994b57ab4ad3a00aa07f6a9d0d1f6cfda2bd1f002cda3bda98904e587a2b288342f5bfe5b866509f7e507ba7e2b0ceb12c6c2
        4f91d2b8f9d7a3b7869d82ff03
        """)

    /// `letters`, one block with a code of its own.
    static let lettersDeflated = bytes(
        """
        1d8fcb09445108435b496b2a59791141ed7ff266e15f8e7111ebf4855fc5f3503697ac7c78f6b662e8ee915a68b9d9f28eca5e72b19a
        2ebbb46e416077ec5865cde6f6aed5e044a23341863fc270406fd068d50b4c88c5938133895ae1142063a85cf3433afa7d0a7803335d
        a1ed077a0349cd760144401b448e299ddac0e0ddd1b38923c61d6724d354a8517992c5e0fc219b8f25c8e3d565dc3e0b83cfea51fb01
        """)

    /// “lockstep lockstep lockstep” with the fixed codes.
    static let fixedDeflated = bytes("cbc94fce2e2e492d50c841670000")

    /// “stored”, not compressed.
    static let storedDeflated = bytes("010600f9ff73746f726564")

    /// gzip: “first member, ” under a header with every optional field, the first 40 letters stored, nothing.
    static let members = bytes(
        """
        1f8b081e010203040203050065787472616e616d652e62696e006120636f6d6d656e74002ac94bcb2c2a2e51c84dcd4d4a2dd2510000
        deff0a620e0000001f8b0800010203040203012800d7ff74206374626562742062756e636c626362742073756b656e6b6c206c616c74
        6e637365626262636b4ab95499280000001f8b080001020304020303000000000000000000
        """)
}
