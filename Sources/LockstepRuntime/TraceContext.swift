internal import LockstepCluster
internal import ServiceContextModule
internal import Tracing

/// A trace context as it travels in control messages.
enum TraceContext {
    struct Fields: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [ContextField]) {
            carrier.append(ContextField(key: key, value: value))
        }

        func extract(key: String, from carrier: [ContextField]) -> String? {
            carrier.first { $0.key == key }?.value
        }
    }

    static func fields(of context: ServiceContext, tracer: any Tracing.Tracer) -> [ContextField] {
        var fields: [ContextField] = []
        tracer.inject(context, into: &fields, using: Fields())
        return fields
    }

    static func context(of fields: [ContextField], tracer: any Tracing.Tracer) -> ServiceContext {
        var context = ServiceContext.topLevel
        tracer.extract(fields, into: &context, using: Fields())
        return context
    }
}
